import type { Zoom } from "../domain/focus.ts";
import type { Box, Point, Size } from "./types.ts";
import { boxIn, pointsIn, tilesOf, windowOf } from "./windows.ts";

/** The geometry of a prompt, pixels of the original image; `mask` says that it brings an earlier mask. */
export interface Asked {
  readonly box?: Box | undefined;
  readonly points?: readonly Point[] | undefined;
  readonly mask?: boolean;
}

/** One part of an image that is encoded by itself for a prompt, and the prompt as it reads there. */
export interface View {
  /** [x0, y0, x1, y1] in whole pixels of the image; all of it for plain SAM. */
  readonly region: Box;
  /** In pixels of the region, counted from its top left. */
  readonly box: Box | undefined;
  readonly points: readonly Point[];
}

/** The views of one prompt, and the window that they cover together. */
export interface ViewPlan {
  readonly window: Box;
  readonly views: readonly View[];
}

/**
 * Which parts of an image of `size` [height, width] are encoded for a prompt: all of it without a zoom, else the window
 * round the prompt, cut into the zoom's tiles. A tile that the box does not touch and in which nobody clicked is left
 * out, as there is nothing of the object in it. Serving, training, evaluation and cost all plan by this.
 */
export function viewsOf(asked: Asked, size: Size, zoom: Zoom | null): ViewPlan {
  const { box, points = [] } = asked;
  const whole: Box = [0, 0, size[1], size[0]];
  if (!zoom) return { window: whole, views: [{ region: whole, box, points }] };
  const window = windowOf(asked, size, zoom);
  const maskAlone = asked.mask === true && !box && points.length === 0;
  const views = tilesOf(window, zoom.tiles).flatMap((region): View[] => {
    const own = { region, box: (box && boxIn(box, region)) ?? undefined, points: pointsIn(points, region) };
    return own.box || own.points.length > 0 || maskAlone ? [own] : [];
  });
  return { window, views };
}

/**
 * Whether a prompt is answered in two steps: clicks say where an object is, not how large, so it is found in one window
 * first, and the box of what was found decides which tiles are encoded.
 */
export const inTwoSteps = ({ box, points = [] }: Asked, zoom: Zoom | null): boolean =>
  box === undefined && points.length > 0 && (zoom?.tiles ?? 1) > 1;

/** The zoom of the first of two steps. */
export const firstStep = (zoom: Zoom): Zoom => ({ ...zoom, tiles: 1 });
