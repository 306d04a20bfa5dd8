import { type Focus, plainFocus, type Zoom } from "../../domain/focus.ts";
import type { VersionRef } from "../types.ts";

/**
 * Windows lie on as coarse a raster as leaves a box, and an eighth of its side round it, within its own: neighbours then
 * share more of them.
 */
export const [widestRaster, boxAndRoom] = [0.75, 1.25];

/** How a version of this focus looks at boxes that it found itself. */
export function findFocus({ zoom, refine }: Focus): Focus {
  return { zoom: zoom && sharedZoom(zoom), refine };
}

const sharedZoom = (zoom: Zoom): Zoom => ({
  ...zoom,
  raster: Math.max(zoom.raster ?? 0.25, Math.min(widestRaster, 1 - boxAndRoom / zoom.context)),
});

/** A version as it answers the boxes that it found; `plain` those that were left no window. */
export const finding = <Version extends VersionRef>(version: Version, plain: boolean): Version => ({
  ...version,
  focus: plain ? plainFocus : findFocus(version.focus ?? plainFocus),
});
