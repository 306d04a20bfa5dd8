import type { BrushMask } from "../imaging/kept-mask.ts";
import type { PolygonMask } from "../imaging/types.ts";
import { ellipseRing, type Shape } from "./shapes.ts";

/**
 * A shape as a request's mask at an image's size, for those that are drawn as polygons or are a brush; null for the others,
 * which come in data sets alone. Corners keep their decimals.
 */
export function wireOf(
  shape: Shape,
  { width, height }: { readonly width: number; readonly height: number },
): PolygonMask | BrushMask | null {
  if (shape.kind === "brush") return { format: "brush", rle: Uint8Array.from(shape.rle) };
  if (shape.kind !== "rings" && shape.kind !== "ellipse") return null;
  const [w, h] = shape.unit === "pixels" ? [1, 1] : [width, height];
  if (shape.kind === "ellipse") return { format: "polygon", polygons: [ellipseRing(shape, w, h)] };
  const polygons = shape.rings.map((ring) => ring.map((value, i) => value * (i % 2 === 0 ? w : h)));
  return { format: "polygon", polygons };
}
