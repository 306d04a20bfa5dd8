import { z } from "zod";
import { pathText } from "../lib/text.ts";
import { cocoMask } from "./coco-shape.ts";
import { imageFinder } from "./find-image.ts";
import { parseElement } from "./json-stream.ts";
import { keptName, type Plan, type PlannedImage, withUnnamed } from "./plan.ts";
import { fileError, tooMany } from "./problems.ts";
import { Groups, type Spool } from "./spool.ts";
import { type DatasetLimits, nothingSkipped } from "./types.ts";
import type { ZipReader } from "./zip.ts";

const id = z.union([z.number(), z.string()]);
const side = z.int().positive().nullish();

// The parts of COCO's format that are read; what else a file holds is passed over.
const imageSchema = z.object({
  id,
  file_name: z.string().min(1),
  width: side,
  height: side,
  /** Ours: images of one group never stand on both sides of a split; null: known to be a group by itself. */
  group: z.union([z.number(), keptName]).nullish(),
});
const annotationSchema = z.object({
  id: id.nullish(),
  image_id: id,
  category_id: id.nullish(),
  segmentation: z.unknown().optional(),
  bbox: z.array(z.number()).nullish(),
  /** Ours: [x0, y0, x1, y1], as x + width need not give x1 to the last bit. */
  box: z.tuple([z.number(), z.number(), z.number(), z.number()]).nullish().catch(null),
  iscrowd: z.union([z.number(), z.boolean()]).nullish(),
});
const categorySchema = z.object({
  id,
  name: keptName,
  /** Ours: COCO wants a category of every annotation; those of this one have no label. */
  unlabelled: z.boolean().nullish(),
});
type CocoImage = z.infer<typeof imageSchema>;
type Id = number | string;

/** The lists of a COCO file that are read. */
export type CocoList = "images" | "annotations" | "categories";

/**
 * A COCO file as it comes, element by element, its lists in any order: `images[].file_name` names files of the zip (as it
 * stands, below images/, or the only file of that name), `annotations[].segmentation` is polygons, compressed or
 * uncompressed RLE, `bbox` is [x, y, width, height], categories give labels. Annotations with `iscrowd` are passed over and
 * counted. Images that the file does not list are unannotated.
 *
 * Annotations lie in a spool until their image is read; in memory are the images, the labels and a few numbers an
 * annotation. Every method throws AppError import_file_invalid.
 */
export class CocoReader {
  readonly #file: string;
  readonly #limits: DatasetLimits;
  /** Annotations by their places in the list; of a crowd nothing. */
  readonly #spool: Spool;
  readonly #byImage = new Groups();
  readonly #images: CocoImage[] = [];
  /** Places in `#images` by id, of images too that have only been named so far. */
  readonly #places = new Map<Id, number>();
  readonly #labels = new Map<Id, string | null>();
  /** What annotations named before it was there, and the first that did. */
  readonly #wantedImages = new Map<Id, string>();
  readonly #wantedLabels = new Map<Id, string>();
  readonly #count = { images: 0, annotations: 0, crowds: 0 };

  constructor(file: string, spool: Spool, limits: DatasetLimits) {
    this.#file = file;
    this.#spool = spool;
    this.#limits = limits;
  }

  add(list: CocoList, json: Buffer, k: number): void {
    const value = parseElement(json);
    if (list === "images") this.#image(this.#parsed(imageSchema, value, list, k));
    else if (list === "categories") this.#category(this.#parsed(categorySchema, value, list, k));
    else this.#annotation(this.#parsed(annotationSchema, value, list, k), json, k);
  }

  /** The layout, once everything has come. Throws AppError import_too_large as well. */
  plan(zip: ZipReader): Plan {
    const { images, annotations, crowds } = this.#count;
    if (images > this.#limits.maxImages) throw tooMany(images, "images", this.#limits.maxImages);
    if (annotations > this.#limits.maxAnnotations)
      throw tooMany(annotations, "annotations", this.#limits.maxAnnotations);
    for (const [image, where] of this.#wantedImages)
      if (!this.#images[this.#place(image)]) throw fileError(where, `there is no image with the id ${image}`);
    for (const [category, where] of this.#wantedLabels)
      if (!this.#labels.has(category)) throw fileError(where, `there is no category with the id ${category}`);
    const find = imageFinder(zip);
    const planned = new Map<string, PlannedImage>();
    for (const [place, image] of this.#images.entries()) {
      const name = onlyFile(this.#file, image, find(image.file_name));
      if (planned.has(name)) throw fileError(this.#file, `two images have the file_name ${image.file_name}`);
      planned.set(name, this.#planned(name, image, place));
    }
    return { layout: "coco", images: withUnnamed(zip, planned), skipped: { ...nothingSkipped, crowds } };
  }

  #image(image: CocoImage): void {
    // Beyond the limit they are only counted, for the message.
    if (++this.#count.images > this.#limits.maxImages) return;
    const place = this.#place(image.id);
    if (this.#images[place]) throw fileError(this.#file, `two images have the id ${image.id}`);
    this.#images[place] = image;
  }

  #category({ id: category, unlabelled, name }: z.infer<typeof categorySchema>): void {
    this.#labels.set(category, unlabelled === true ? null : name);
  }

  #annotation(annotation: z.infer<typeof annotationSchema>, json: Buffer, k: number): void {
    const where = whereOf(this.#file, annotation.id, k);
    const { image_id: image, category_id: category } = annotation;
    const place = this.#place(image);
    if (!this.#images[place] && !this.#wantedImages.has(image)) this.#wantedImages.set(image, where);
    if (category != null && !this.#labels.has(category) && !this.#wantedLabels.has(category))
      this.#wantedLabels.set(category, where);
    if (Number(annotation.iscrowd ?? 0) !== 0) {
      this.#count.crowds++;
      this.#spool.add(nothing);
      return;
    }
    cocoMask(where, null, annotation);
    if (++this.#count.annotations <= this.#limits.maxAnnotations)
      this.#byImage.add(this.#spool.add(json), place);
  }

  #place(image: Id): number {
    const known = this.#places.get(image);
    if (known !== undefined) return known;
    this.#places.set(image, this.#places.size);
    return this.#places.size - 1;
  }

  #planned(name: string, image: CocoImage, place: number): PlannedImage {
    const { width, height, group } = image;
    return {
      name,
      alsoNamed: [],
      declared: width != null && height != null ? { width, height, file: this.#file } : null,
      group: group == null ? group : String(group),
      count: this.#byImage.size(place),
      masks: () =>
        Array.from(this.#byImage.of(place), (k) => {
          const annotation = annotationSchema.parse(parseElement(this.#spool.read(k)));
          const { category_id: category } = annotation;
          const label = category == null ? null : (this.#labels.get(category) ?? null);
          return cocoMask(whereOf(this.#file, annotation.id, k), label, annotation);
        }),
    };
  }

  #parsed<T>(schema: z.ZodType<T>, value: unknown, list: CocoList, k: number): T {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw fileError(this.#file, `${pathText([list, k, ...(issue?.path ?? [])])}: ${issue?.message}`);
  }
}

const nothing = new Uint8Array(0);

const whereOf = (file: string, annotation: Id | null | undefined, k: number): string =>
  `${file}: annotation ${annotation ?? `number ${k}`}`;

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
