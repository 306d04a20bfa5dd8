import { maskFacts } from "../../imaging/mask-facts.ts";
import { rleUnion } from "../../imaging/rle-union.ts";
import type { Box, RleMask } from "../../imaging/types.ts";
import type { VersionRef } from "../types.ts";
import { type BoxDeps, decodeAlike } from "./decode-boxes.ts";
import type { FoundObject, FindRequest } from "./types.ts";

/** Masks of one image, one at least. */
export interface RegionTask {
  readonly masks: readonly RleMask[];
}

export interface Region {
  readonly mask: RleMask;
  readonly bbox: Box;
  readonly area: number;
}

/** All that the masks show, as one. */
export function regionOf({ masks }: RegionTask): Region {
  const mask = rleUnion(masks);
  const { area, box } = maskFacts(mask);
  return { mask, bbox: box, area };
}

/**
 * Objects, one at least, as one region: its scores are the mean of theirs by pixels, its label that of the surest. `parts`
 * says by which boxes it was made.
 */
export async function asRegion(
  deps: { region(task: RegionTask): Promise<Region> },
  objects: readonly FoundObject[],
): Promise<FoundObject> {
  const [surest] = objects;
  if (!surest) throw new Error("a region needs an object");
  const whole = objects.reduce((sum, { area }) => sum + area, 0);
  const mean = (of: (object: FoundObject) => number): number =>
    objects.reduce((sum, object) => sum + of(object) * (object.area / whole), 0);
  const region = await deps.region({ masks: objects.map(({ mask }) => mask as RleMask) });
  return {
    ...region,
    score: mean(({ score }) => score),
    label: surest.label,
    labelScore: mean(({ labelScore }) => labelScore),
    prompt: region.bbox,
    parts: objects.map(({ prompt, plain }) => ({ prompt, ...(plain && { plain }) })),
  };
}

/** A region that was found before, by the boxes that it was made by. */
export interface RegionRequest extends Pick<FindRequest, "workspaceId" | "baseModel" | "image" | "signal"> {
  readonly version: VersionRef;
  readonly parts: NonNullable<FoundObject["parts"]>;
}

/** The mask of a region once more: the same image, weights and boxes give the same one. */
export async function regionAgain(
  deps: Pick<BoxDeps, "predict"> & { region(task: RegionTask): Promise<Region> },
  { version, parts, ...request }: RegionRequest,
): Promise<Region> {
  const masks: RleMask[] = [];
  for (const isPlain of [false, true]) {
    const boxes = parts.filter(({ plain = false }) => plain === isPlain).map(({ prompt }) => prompt);
    const made = await decodeAlike(deps, request, { version, boxes, isPlain });
    masks.push(...made.flatMap((object) => (object ? [object.mask as RleMask] : [])));
  }
  return deps.region({ masks });
}
