/** [64, 64, 256] to [256, 64, 64], as bytes; every machine that Node runs on here is little endian. */
export function channelsFirst(data: Float32Array): Uint8Array<ArrayBuffer> {
  const [cells, channels] = [64 * 64, 256];
  const out = new Float32Array(data.length);
  for (let cell = 0, at = 0; cell < cells; cell++) {
    for (let channel = 0; channel < channels; channel++, at++)
      out[channel * cells + cell] = data[at] as number;
  }
  return new Uint8Array(out.buffer);
}
