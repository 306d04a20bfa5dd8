import { headParts, type PointHead, writeHead } from "../../../src/imaging/points/head.ts";
import { quickPixels } from "../../../src/imaging/focus-cost.ts";
import type { Size } from "../../../src/imaging/types.ts";
import { inTwoSteps, viewsOf } from "../../../src/imaging/views.ts";
import type { Focus, PointHeadSettings, Zoom } from "../../../src/domain/focus.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { mostPoints } from "../../../src/training/points/choose-head.ts";
import type { Picture } from "./pictures.ts";

/** What a version may do beside plain SAM. */
export interface Kind {
  readonly what: string;
  readonly focus: Focus;
  /** At most so many times the base's time, all embeddings in memory. */
  readonly warmLimit: number;
}

/** The versions that are timed; a click's window is as large as three quarters of the boxes need. */
export function kinds(pictures: readonly Picture[]): Kind[] {
  const sides = pictures
    .flatMap(({ objects }) => objects.map(({ box: [x0, y0, x1, y1] }) => Math.max(x1 - x0, y1 - y0)))
    .sort((a, b) => a - b);
  const side = sides[Math.floor(0.75 * (sides.length - 1))] ?? 1;
  const zoom = (context: number, tiles: number): Zoom => ({
    context,
    tiles,
    click_side: Math.ceil(side * context),
  });
  const filter = { radius: 8, epsilon: 1e-3, threshold: 0.5, most_pixels: quickPixels };
  const head = smallHead();
  return [
    { what: "point head", focus: { zoom: null, refine: head }, warmLimit: 1.3 },
    { what: "filter", focus: { zoom: null, refine: filter }, warmLimit: 1.3 },
    { what: "one window", focus: { zoom: zoom(1.5, 1), refine: null }, warmLimit: 1.3 },
    { what: "one window, point head", focus: { zoom: zoom(1.5, 1), refine: head }, warmLimit: 1.5 },
    { what: "2 x 2 tiles", focus: { zoom: zoom(1.5, 2), refine: null }, warmLimit: 2.2 },
    { what: "2 x 2 tiles, point head", focus: { zoom: zoom(1.5, 2), refine: head }, warmLimit: 2.5 },
  ];
}

/** A head of the size that training makes, whose weights move masks a little. */
export function smallHead(): PointHeadSettings {
  const hidden = 24;
  const random = seededRandom(7);
  const parts = headParts(hidden).map(([part, count]) => [
    part,
    Float32Array.from({ length: count }, () => (part === "scale" ? 1 : 0.05 * random.normal())),
  ]);
  return writeHead({ hidden, ...Object.fromEntries(parts) } as PointHead, {
    mostPoints,
    mostPixels: quickPixels,
  });
}

/** Parts of an image that have to be encoded for a box, the image itself being so; null where a click decides in steps. */
export function encodesFor(prompt: object, size: Size, { zoom }: Focus): number | null {
  if (!zoom) return 0;
  if (inTwoSteps(prompt, zoom)) return null;
  const whole = [0, 0, size[1], size[0]].join();
  const regions = new Set(viewsOf(prompt, size, zoom).views.map(({ region }) => region.join()));
  regions.delete(whole);
  return regions.size;
}
