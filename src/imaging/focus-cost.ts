import type { Focus, Refine } from "../domain/focus.ts";
import type { Box, Point, Size } from "./types.ts";
import { headRoom, refineRoom } from "./refine-room.ts";
import { firstStep, inTwoSteps, viewsOf } from "./views.ts";
import { mostPixelsOf, workingSize } from "./working-size.ts";

/** Pixels that a version sharpens at most which is to answer about as quickly as the base. */
export const quickPixels = 131_072;

/** How somebody points at an object. */
export type PointedBy = "box" | "click";

/** How masks are sharpened; "points" is a quick point head that is not trained yet. */
export type Refining = Refine | "points" | null;

/** What one answer takes, counted. */
export interface FocusCost {
  /** Parts of the image that are encoded where nothing but the image's own embedding is at hand. */
  readonly encodes: number;
  /** Embeddings that are decoded, those of a first look at a click among them. */
  readonly decodes: number;
  /** Pixels that refining may change, at the scale that it works at. */
  readonly refinedPixels: number;
}

/** Answers of the base that one more decode takes, and a refined pixel, by bench versions: drawn pages and stamps. */
const rates = { decode: 0.8, points: 3.4e-6, guided: 3.6e-6 } as const;

/**
 * What an answer of a version with this focus takes for the object of `box`, [x0, y0, x1, y1] in pixels of an image of
 * `size` [height, width], pointed at by that box or by a click in its middle. Plain SAM takes one decode.
 */
export function focusCost(
  { zoom, refine }: Pick<Focus, "zoom"> & { readonly refine: Refining },
  size: Size,
  { box, by }: { readonly box: Box; readonly by: PointedBy },
): FocusCost {
  const whole = [0, 0, size[1], size[0]].join();
  const middle: Point = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2, 1];
  const asked = by === "box" ? { box } : { points: [middle] };
  // What a click finds is about the object, whose box then plans the second step.
  const steps =
    zoom && inTwoSteps(asked, zoom)
      ? [viewsOf(asked, size, firstStep(zoom)), viewsOf({ box }, size, zoom)]
      : [viewsOf(asked, size, zoom)];
  const regions = steps.flatMap(({ views }) => views.map(({ region }) => region.join()));
  return {
    encodes: new Set(regions.filter((region) => region !== whole)).size,
    decodes: regions.length,
    refinedPixels: refine
      ? steps.reduce((sum, { window }) => sum + refinedPixels(window, box, refine), 0)
      : 0,
  };
}

function refinedPixels(window: Box, box: Box, refine: Refine | "points"): number {
  const own: Size = [window[3] - window[1], window[2] - window[0]];
  const scale = Math.max(...workingSize(own)) / Math.max(...own);
  const around = (refine === "points" ? headRoom : refineRoom(refine)) / scale;
  const side = (axis: 0 | 1): number => {
    const from = Math.max(window[axis], box[axis] - around);
    const to = Math.min(window[axis + 2] as number, (box[axis + 2] as number) + around);
    return Math.max(0, to - from) * scale;
  };
  const most = refine === "points" ? quickPixels : mostPixelsOf(refine);
  return Math.round(Math.min(most, side(0) * side(1)));
}

/** An answer with all embeddings at hand as a multiple of the base's, which decodes once. */
export function warmRatio({ decodes, refinedPixels: pixels }: FocusCost, refine: Refining): number {
  const rate = refine === "points" || (refine && "point_head" in refine) ? rates.points : rates.guided;
  return 1 + (Math.max(1, decodes) - 1) * rates.decode + pixels * rate;
}

/** How a focus's masks are sharpened, by name. */
export const refinedBy = (refine: Refine | null): "points" | "filter" | null =>
  refine && ("point_head" in refine ? "points" : "filter");
