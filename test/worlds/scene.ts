import { seededRandom } from "../../src/lib/random.ts";
import type { RgbImage } from "../../src/imaging/types.ts";

type Colour = readonly [number, number, number];
interface Shape {
  readonly colour: Colour;
  inside(x: number, y: number): boolean;
}

const disc = (cx: number, cy: number, r: number, colour: Colour): Shape => ({
  colour,
  inside: (x, y) => Math.hypot(x - cx, y - cy) <= r,
});
const ring = (cx: number, cy: number, outer: number, inner: number, colour: Colour): Shape => ({
  colour,
  inside: (x, y) => Math.hypot(x - cx, y - cy) <= outer && Math.hypot(x - cx, y - cy) > inner,
});
const rectangle = (x0: number, y0: number, x1: number, y1: number, colour: Colour): Shape => ({
  colour,
  inside: (x, y) => x >= x0 && x < x1 && y >= y0 && y < y1,
});

const shapes: readonly Shape[] = [
  disc(50, 45, 28, [180, 40, 40]),
  rectangle(110, 20, 170, 60, [40, 90, 170]),
  ring(205, 50, 24, 10, [30, 120, 60]),
  disc(40, 130, 18, [120, 60, 150]),
  rectangle(80, 95, 100, 165, [200, 150, 40]),
  disc(150, 120, 32, [60, 60, 60]),
  disc(150, 120, 12, [230, 230, 90]),
  rectangle(195, 105, 230, 125, [160, 80, 90]),
  disc(212, 150, 12, [20, 150, 160]),
];

/** Nine plain objects on grainy paper, 240 x 180 pixels: the same bytes everywhere. */
export function sceneImage(): RgbImage {
  const [width, height] = [240, 180];
  const random = seededRandom(11);
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      const colour = shapes.findLast((shape) => shape.inside(x + 0.5, y + 0.5))?.colour ?? [226, 221, 208];
      const grain = random.below(17) - 8;
      for (let c = 0; c < 3; c++) data[at + c] = Math.min(255, Math.max(0, (colour[c] as number) + grain));
    }
  }
  return { width, height, data };
}
