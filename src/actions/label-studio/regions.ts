import { randomUUID } from "node:crypto";
import {
  brushRegion,
  polygonRegion,
  rectangleRegion,
  regionHead,
  type RegionShape,
} from "../../exports/annotations/formats/label-studio-region.ts";
import { joinedRing } from "../../exports/annotations/outlines.ts";
import type { MaskFormat } from "../../imaging/types.ts";
import type { AnsweredMask } from "../find-objects.ts";
import type { ActionContext } from "../context.ts";
import type { Control } from "./labelling-config.ts";

/** A region as Label Studio shows it, before a person accepts it. */
export type Region = ReturnType<typeof regionHead> & RegionShape & { readonly score: number };

/** How predict writes the masks that this control's regions are made of. */
export const formatFor = ({ tag }: Control): MaskFormat => (tag === "PolygonLabels" ? "polygon" : "rle");

/** Pixels that a corner left out of a polygon may lie from its edge: people move corners, and want few. */
export const polygonTolerance = 1;

/** A mask in the form of its control; null for one without a pixel, or too small for an outline. */
export async function regionOf(
  { masks }: Pick<ActionContext, "masks">,
  answered: AnsweredMask,
  options: { control: Control; label: string | null; width: number; height: number },
): Promise<Region | null> {
  const { control, label, width, height } = options;
  const { mask, area, bbox, score } = answered;
  if (area === 0) return null;
  const labels = label === null ? [] : [label];
  const size = { width, height };
  const head = regionHead(
    randomUUID().slice(0, 10),
    { fromName: control.name, toName: control.toName },
    size,
  );
  const withShape = (shape: RegionShape): Region => ({
    ...head,
    ...shape,
    score: answered.labelScore ?? score,
  });
  if (control.tag === "RectangleLabels") return withShape(rectangleRegion([...bbox], size, labels));
  if (mask.format === "rle") return withShape(brushRegion([...(await masks.brush(mask))], labels));
  if (mask.format !== "polygon") throw new Error(`a mask came as ${mask.format}`);
  const ring = joinedRing(mask.polygons);
  return ring.length < 6 ? null : withShape(polygonRegion(ring, size, labels));
}
