/** PASCAL VOC's colours: the bits of an index, spread over red, green and blue. Source: VOCdevkit, VOClabelcolormap.m. */
export function vocColour(index: number): number {
  let [r, g, b] = [0, 0, 0];
  for (let bit = 7, rest = index; rest > 0; bit--, rest >>= 3) {
    r |= (rest & 1) << bit;
    g |= ((rest >> 1) & 1) << bit;
    b |= ((rest >> 2) & 1) << bit;
  }
  return (r << 16) | (g << 8) | b;
}
