import { z } from "zod";
import { polygonsToMask } from "../imaging/polygons.ts";
import { decodeRle, fillColumnMajor } from "../imaging/rle.ts";
import type { BinaryMask } from "../imaging/types.ts";
import { AppError } from "../lib/errors.ts";
import type { PlannedMask } from "./plan.ts";
import { fileError } from "./problems.ts";
import type { ItemFacts } from "./types.ts";

const rle = z.object({
  size: z.tuple([z.int().positive(), z.int().positive()]),
  counts: z.union([z.string(), z.array(z.int().nonnegative())]),
});

/** Polygons [x, y, ...] in pixels, or run lengths. */
type Segmentation = number[][] | z.infer<typeof rle>;

/** What of an annotation tells its mask. */
export interface CocoShape {
  readonly segmentation?: unknown;
  readonly bbox?: number[] | null | undefined;
  readonly box?: [number, number, number, number] | null | undefined;
}

/** The mask of a COCO annotation; `file` says where it stands. Throws AppError import_file_invalid. */
export function cocoMask(file: string, label: string | null, annotation: CocoShape): PlannedMask {
  const shape = segmentationOf(annotation.segmentation);
  if (!shape)
    throw fileError(file, "segmentation must be polygons [[x, y, ...], ...] or RLE {size: [h, w], counts}");
  const bbox = annotation.bbox ?? [];
  if (bbox.length !== 0 && bbox.length !== 4)
    throw fileError(file, `bbox has ${bbox.length} numbers, not [x, y, width, height]`);
  return {
    file,
    label,
    bbox: bbox.length === 4 ? (bbox as [number, number, number, number]) : null,
    corners: annotation.box ?? undefined,
    read: (facts) => rasterise(shape, facts),
  };
}

/** Null where it is neither. Plain loops: a file may have a hundred million numbers. */
function segmentationOf(value: unknown): Segmentation | null {
  if (!Array.isArray(value)) return rle.safeParse(value).data ?? null;
  for (const polygon of value as unknown[]) {
    if (!Array.isArray(polygon)) return null;
    for (const number of polygon as unknown[]) if (!Number.isFinite(number)) return null;
  }
  return value.length > 0 ? (value as number[][]) : null;
}

function rasterise(shape: Segmentation, { width, height }: ItemFacts): BinaryMask {
  if (Array.isArray(shape)) return polygonsToMask(shape, width, height);
  const [h, w] = shape.size;
  if (h !== height || w !== width)
    throw new AppError(
      "mask_size_mismatch",
      `the RLE's size is [${h}, ${w}] (height, width), the image's [${height}, ${width}]`,
    );
  if (typeof shape.counts === "string")
    return decodeRle({ format: "rle", size: [h, w], counts: shape.counts });
  return fromRuns(shape.counts, width, height);
}

/** COCO's uncompressed RLE: column-major run lengths, background first. */
function fromRuns(runs: readonly number[], width: number, height: number): BinaryMask {
  let total = 0;
  for (const run of runs) total += run;
  if (total !== width * height)
    throw new AppError(
      "mask_rle_invalid",
      `counts add up to ${total} pixels, the image has ${width * height}`,
    );
  const data = new Uint8Array(width * height);
  let position = 0;
  for (const [i, run] of runs.entries()) {
    if (i % 2 === 1) fillColumnMajor(data, width, height, position, position + run);
    position += run;
  }
  return { width, height, data };
}
