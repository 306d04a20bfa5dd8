import { z } from "zod";
import { polygonsToMask } from "../imaging/polygons.ts";
import { decodeRle, fillColumnMajor } from "../imaging/rle.ts";
import type { BinaryMask } from "../imaging/types.ts";
import { AppError } from "../lib/errors.ts";
import { pathText } from "../lib/text.ts";
import { imageFinder } from "./find-image.ts";
import { isImageName, keptName, type Plan, type PlannedImage, type PlannedMask } from "./plan.ts";
import { fileError } from "./problems.ts";
import { type ItemFacts, nothingSkipped } from "./types.ts";
import type { ZipReader } from "./zip.ts";

const id = z.union([z.number(), z.string()]);
const segmentation = z.union([
  z.array(z.array(z.number())),
  z.object({
    size: z.tuple([z.int().positive(), z.int().positive()]),
    counts: z.union([z.string(), z.array(z.int().nonnegative())]),
  }),
]);
type Segmentation = z.infer<typeof segmentation>;

/** The parts of COCO's format that are read; what else a file holds is passed over. */
const cocoFile = z.object({
  images: z.array(
    z.object({
      id,
      file_name: z.string().min(1),
      width: z.int().positive().nullish(),
      height: z.int().positive().nullish(),
      /** Ours: images of one group never stand on both sides of a split; null: known to be a group by itself. */
      group: z.union([z.number(), keptName]).nullish(),
    }),
  ),
  annotations: z.array(
    z.object({
      id: id.nullish(),
      image_id: id,
      category_id: id.nullish(),
      segmentation: z.unknown().optional(),
      bbox: z.array(z.number()).nullish(),
      /** Ours: [x0, y0, x1, y1], as x + width need not give x1 to the last bit. */
      box: z.tuple([z.number(), z.number(), z.number(), z.number()]).nullish().catch(null),
      iscrowd: z.union([z.number(), z.boolean()]).nullish(),
    }),
  ),
  categories: z
    .array(
      z.object({
        id,
        name: keptName,
        /** Ours: COCO wants a category of every annotation; those of this one have no label. */
        unlabelled: z.boolean().nullish(),
      }),
    )
    .default([]),
});

/** Whether parsed JSON is meant as COCO. */
export const looksLikeCoco = (json: unknown): boolean =>
  typeof json === "object" &&
  json !== null &&
  "images" in json &&
  "annotations" in json &&
  Array.isArray(json.images);

/**
 * The layout of a COCO file: `images[].file_name` names files of the zip (as it stands, below images/, or the only file of
 * that name), `annotations[].segmentation` is polygons, compressed or uncompressed RLE, `bbox` is [x, y, width, height],
 * categories give labels. Annotations with `iscrowd` are passed over and counted. Images that the file does not list are
 * unannotated. Throws AppError import_file_invalid.
 */
export function planCoco(zip: ZipReader, file: string, json: unknown): Plan {
  const parsed = cocoFile.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw fileError(file, `${pathText(issue?.path ?? []) || "the file"}: ${issue?.message}`);
  }
  const { images, annotations, categories } = parsed.data;
  const labels = new Map(
    categories.map((category) => [category.id, category.unlabelled === true ? null : category.name]),
  );
  const masks = new Map<number | string, PlannedMask[]>();
  for (const image of images) {
    if (masks.has(image.id)) throw fileError(file, `two images have the id ${image.id}`);
    masks.set(image.id, []);
  }
  let crowds = 0;
  for (const [k, annotation] of annotations.entries()) {
    const where = `${file}: annotation ${annotation.id ?? `number ${k}`}`;
    const list = masks.get(annotation.image_id);
    if (!list) throw fileError(where, `there is no image with the id ${annotation.image_id}`);
    const { category_id: category } = annotation;
    if (category != null && !labels.has(category))
      throw fileError(where, `there is no category with the id ${category}`);
    if (Number(annotation.iscrowd ?? 0) !== 0) crowds++;
    else list.push(plannedMask(where, category == null ? null : (labels.get(category) ?? null), annotation));
  }
  const find = imageFinder(zip);
  const planned = new Map<string, PlannedImage>();
  for (const image of images) {
    const name = onlyFile(file, image, find(image.file_name));
    if (planned.has(name)) throw fileError(file, `two images have the file_name ${image.file_name}`);
    const { width, height } = image;
    planned.set(name, {
      name,
      alsoNamed: [],
      declared: width != null && height != null ? { width, height, file } : null,
      group: image.group == null ? image.group : String(image.group),
      masks: masks.get(image.id) ?? [],
    });
  }
  for (const name of zip.entries.keys()) {
    if (isImageName(name) && !planned.has(name))
      planned.set(name, { name, alsoNamed: [], declared: null, group: undefined, masks: [] });
  }
  const sorted = [...planned.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { layout: "coco", images: sorted, skipped: { ...nothingSkipped, crowds } };
}

function plannedMask(
  file: string,
  label: string | null,
  annotation: {
    segmentation?: unknown;
    bbox?: number[] | null | undefined;
    box?: [number, number, number, number] | null | undefined;
  },
): PlannedMask {
  const parsed = segmentation.safeParse(annotation.segmentation);
  if (!parsed.success || (Array.isArray(parsed.data) && parsed.data.length === 0))
    throw fileError(file, "segmentation must be polygons [[x, y, ...], ...] or RLE {size: [h, w], counts}");
  const bbox = annotation.bbox ?? [];
  if (bbox.length !== 0 && bbox.length !== 4)
    throw fileError(file, `bbox has ${bbox.length} numbers, not [x, y, width, height]`);
  const { data } = parsed;
  return {
    file,
    label,
    bbox: bbox.length === 4 ? (bbox as [number, number, number, number]) : null,
    corners: annotation.box ?? undefined,
    read: (facts) => rasterise(data, facts),
  };
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

/** The one file that an image's `file_name` fits. */
function onlyFile(
  file: string,
  image: { id: number | string; file_name: string },
  found: readonly string[],
): string {
  const [only, ...others] = found;
  if (only === undefined) throw fileError(file, `image ${image.id}: the zip has no file ${image.file_name}`);
  if (others.length > 0)
    throw fileError(
      file,
      `image ${image.id}: ${image.file_name} may be ${only} or ${others.join(" or ")}; write its folder too`,
    );
  return only;
}
