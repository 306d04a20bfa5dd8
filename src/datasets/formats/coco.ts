import { z } from "zod";
import { parseElement } from "../json-outline.ts";
import { splitOf, splitOfWords, wordsOf } from "../names.ts";
import { type DrawnObject, joined, plannedMask } from "../objects.ts";
import { baseOf, isForeignImageName } from "../paths.ts";
import { labelOf, type PlannedImage, type Source } from "../plan.ts";
import { tooMany } from "../problems.ts";
import type { Shape } from "../shapes.ts";
import { Groups, type Spool } from "../spool.ts";
import type { FormatContext } from "../types.ts";

const id = z.union([z.number(), z.string()]).transform(String);
const side = z.number().nullish().catch(null);
/** Whole numbers of pixels; tools that know no sizes write 0. */
const wholeSide = (value: number | null | undefined): number | null =>
  value != null && Number.isInteger(value) && value > 0 ? value : null;

// The parts of COCO's format that are read; what else a file holds is passed over.
const imageSchema = z.object({
  id,
  file_name: z.string().min(1),
  width: side,
  height: side,
  /** Ours: images of one group never stand on both sides of a split; null: known to be a group by itself. */
  group: z.union([z.number(), z.string()]).nullish().catch(null),
  /** Ours: the part of the data that it is in, and whether it is known to hold nothing. */
  part: z.enum(["train", "val", "test"]).nullish().catch(null),
  known_empty: z.boolean().nullish().catch(null),
});
const annotationSchema = z.object({
  id: id.nullish().catch(null),
  image_id: id,
  category_id: id.nullish().catch(null),
  segmentation: z.unknown().optional(),
  bbox: z.array(z.number()).nullish().catch(null),
  /** Ours: [x0, y0, x1, y1], as x + width need not give x1 to the last bit. */
  box: z.tuple([z.number(), z.number(), z.number(), z.number()]).nullish().catch(null),
  iscrowd: z.union([z.number(), z.boolean()]).nullish().catch(null),
  attributes: z.unknown().optional(),
  keypoints: z.unknown().optional(),
});
const categorySchema = z.object({
  id,
  name: z.unknown(),
  /** Ours: COCO wants a category of every annotation; those of this one have no label. */
  unlabelled: z.boolean().nullish().catch(null),
  supercategory: z.unknown().optional(),
});
type CocoImage = z.infer<typeof imageSchema> & { readonly place: number };
type CocoAnnotation = z.infer<typeof annotationSchema>;

/** The lists of a COCO file that are read. */
export type CocoList = "images" | "annotations" | "categories";

/** COCO's own crowds have ids of 90, two digits of the category and eight of the image. */
const crowdId = /^90\d{10}$/;

/**
 * A COCO file as it comes, element by element, its lists in any order, with the liberties that tools take: ids as texts,
 * sizes of 0, images listed twice, a flat list for a polygon, points in pairs. `images[].file_name` names files of the
 * zip, `segmentation` is polygons or run lengths, `bbox` [x, y, width, height], categories give labels.
 *
 * `iscrowd` marks a region of many objects in COCO's own files and every mask in those that Datumaro and CVAT write: these
 * have `attributes` beside it, or nothing but such masks, and each is an object. Supervision (0.27, `formats/coco.py`) marks
 * what has a hole or several parts so.
 *
 * Annotations lie in a spool until their image is read; in memory are the images, the labels and a few numbers an
 * annotation. Source: cocodataset.org/#format-data; pycocotools 2.0.8 `coco.py`.
 */
export class CocoReader {
  readonly #file: string;
  readonly #context: FormatContext;
  /** Elements of each list at most. */
  readonly #most: Readonly<Record<CocoList, number>>;
  readonly #spool: Spool;
  readonly #byImage = new Groups();
  readonly #images: CocoImage[] = [];
  /** Places by id, of images too that have only been named so far. */
  readonly #places = new Map<string, number>();
  readonly #labels = new Map<string, string | null>();
  #annotations = 0;
  #crowds = 0;
  #withAttributes = false;
  /** Supervision calls every supercategory the same. */
  readonly #supercategories = new Set<unknown>();
  #imageIds = new Set<string>();

  constructor(file: string, context: FormatContext) {
    this.#file = file;
    this.#context = context;
    this.#spool = context.openSpool();
    const { maxImages, maxAnnotations } = context.limits;
    // A file may list more images than its zip holds.
    this.#most = { images: 4 * maxImages, annotations: maxAnnotations, categories: maxAnnotations };
  }

  /** One element. What can't be read is left out by itself. Throws AppError import_too_large. */
  add(list: CocoList, json: Buffer, k: number): void {
    // What can't be read counts, too: millions of faults take as long as millions of objects.
    const most = this.#most[list];
    if (k >= most) throw tooMany(k + 1, list, most);
    const value = parseElement(json);
    const schema = { images: imageSchema, categories: categorySchema, annotations: annotationSchema }[list];
    const parsed = schema.safeParse(value);
    if (!parsed.success) {
      if (list === "annotations") this.#spool.add(nothing);
      const [issue] = parsed.error.issues;
      const detail = `${issue?.path.join(".")}: ${issue?.message}`;
      this.#context.report.leave("entry_invalid", { file: this.#file, id: `${list}[${k}]`, detail });
      return;
    }
    if (list === "images") this.#image(parsed.data as z.infer<typeof imageSchema>);
    else if (list === "categories") {
      const { id: category, name, unlabelled, supercategory } = parsed.data as z.infer<typeof categorySchema>;
      this.#supercategories.add(supercategory);
      this.#labels.set(category, unlabelled === true ? null : labelOf(name));
    } else this.#annotation(parsed.data as CocoAnnotation, json);
  }

  /** Once everything has come. */
  source(): Source {
    const { report, finder } = this.#context;
    const planned = new Map<string, PlannedImage>();
    const known = new Set<number>();
    const split = splitOfWords(wordsOf(baseOf(this.#file))) ?? splitOf(this.#file);
    for (const image of this.#images) {
      known.add(image.place);
      const count = this.#byImage.size(image.place);
      const found = finder.find(image.file_name, this.#file);
      const [name] = found;
      if (name === undefined || found.length > 1) {
        const none = isForeignImageName(image.file_name)
          ? `${image.file_name} is of a format that is not read`
          : `there is no file ${image.file_name}`;
        report.leave("image_missing", {
          file: this.#file,
          id: `image ${image.id}`,
          count: Math.max(1, count),
          detail: name === undefined ? none : `${image.file_name} may be ${found.join(" or ")}`,
        });
        continue;
      }
      const own = this.#planned(name, image, count, image.part ?? splitOf(name) ?? split);
      const there = planned.get(name);
      planned.set(name, there ? joined(there, own) : own);
    }
    for (const [imageId, place] of this.#places)
      if (!known.has(place))
        report.leave("image_missing", {
          file: this.#file,
          id: `image ${imageId}`,
          count: this.#byImage.size(place),
          detail: `images has no id ${imageId}`,
        });
    return { layout: "coco", title: "COCO", file: this.#file, rank: 10, images: planned };
  }

  #image(image: z.infer<typeof imageSchema>): void {
    const place = this.#place(image.id);
    if (this.#imageIds.has(image.id)) {
      const first = this.#images.find((one) => one.place === place);
      if (first?.file_name === image.file_name) return;
      this.#context.report.leave("entry_invalid", {
        file: this.#file,
        id: `image ${image.id}`,
        detail: `two images have the id ${image.id}: ${first?.file_name} and ${image.file_name}`,
      });
      return;
    }
    this.#imageIds.add(image.id);
    this.#images.push({ ...image, place });
  }

  #annotation(annotation: CocoAnnotation, json: Buffer): void {
    this.#annotations++;
    if (isCrowd(annotation)) this.#crowds++;
    if (annotation.attributes !== undefined) this.#withAttributes = true;
    this.#byImage.add(this.#spool.add(json), this.#place(annotation.image_id));
  }

  #place(image: string): number {
    const known = this.#places.get(image);
    if (known !== undefined) return known;
    this.#places.set(image, this.#places.size);
    return this.#places.size - 1;
  }

  #planned(name: string, image: CocoImage, count: number, split: PlannedImage["split"]): PlannedImage {
    const [width, height] = [wholeSide(image.width), wholeSide(image.height)];
    return {
      name,
      alsoNamed: [],
      declared: width !== null && height !== null ? { width, height, file: this.#file } : null,
      group: image.group == null ? (image.group === null ? null : undefined) : labelOf(image.group),
      split,
      count,
      // Listed without annotations, as images are that nobody has looked at yet.
      background: image.known_empty === true && count === 0,
      masks: () =>
        Array.from(this.#byImage.of(image.place), (k) => {
          const annotation = annotationSchema.parse(parseElement(this.#spool.read(k)));
          return plannedMask(this.#file, this.#object(annotation, k));
        }),
    };
  }

  #object(annotation: CocoAnnotation, k: number): DrawnObject {
    const { category_id: category, segmentation, bbox, box } = annotation;
    const base = {
      id: `annotation ${annotation.id ?? `number ${k}`}`,
      label: category == null ? null : (this.#labels.get(category) ?? null),
    };
    const shape = shapeOf(segmentation);
    if (shape === "none") {
      const code = bbox?.length === 4 ? "box_only" : "shape_unsupported";
      return { ...base, leave: code, detail: "it has no segmentation" };
    }
    if (shape === null)
      return {
        ...base,
        leave: "object_invalid",
        detail: "segmentation must be polygons [[x, y, ...], ...] or RLE {size: [h, w], counts}",
      };
    if (isCrowd(annotation) && this.#areCrowds(annotation)) return { ...base, leave: "crowd" };
    const [x, y, w, h] = bbox ?? [];
    return {
      ...base,
      shape,
      bbox: bbox?.length === 4 ? [x as number, y as number, w as number, h as number] : undefined,
      corners: box ?? undefined,
    };
  }

  #areCrowds({ id: own, attributes }: CocoAnnotation): boolean {
    if (crowdId.test(own ?? "")) return true;
    const bySupervision = this.#supercategories.size === 1 && this.#supercategories.has("common-objects");
    if (attributes !== undefined || this.#withAttributes || bySupervision) return false;
    return this.#crowds < this.#annotations;
  }
}

const nothing = new Uint8Array(0);

const isCrowd = ({ iscrowd }: CocoAnnotation): boolean => Number(iscrowd ?? 0) !== 0;

const rle = z.object({
  size: z.tuple([z.int().positive(), z.int().positive()]),
  counts: z.union([z.string(), z.array(z.number())]),
});

/** `none` where there is no segmentation at all, null where it can't be read. */
export function shapeOf(value: unknown): Shape | "none" | null {
  if (value == null || (Array.isArray(value) && value.length === 0)) return "none";
  if (!Array.isArray(value)) {
    const parsed = rle.safeParse(value);
    return parsed.success ? { kind: "rle", ...parsed.data } : null;
  }
  const rings = ringsOf(value);
  if (rings === null) return null;
  const drawn = rings.filter((ring) => ring.length > 0);
  return drawn.length === 0 ? "none" : { kind: "rings", rings: drawn, unit: "pixels" };
}

/** Polygons, a flat one, or one of points in pairs. Plain loops: a file may have a hundred million numbers. */
function ringsOf(value: readonly unknown[]): number[][] | null {
  if (value.every((one) => typeof one === "number")) return [value as number[]];
  const rings: number[][] = [];
  for (const ring of value) {
    if (!Array.isArray(ring)) return null;
    let flat = true;
    for (const number of ring as unknown[]) if (typeof number !== "number") flat = false;
    if (flat) rings.push(ring as number[]);
    else {
      const points: number[] = [];
      for (const point of ring as unknown[]) {
        if (!Array.isArray(point) || point.length !== 2) return null;
        for (const number of point as unknown[]) {
          if (typeof number !== "number") return null;
          points.push(number);
        }
      }
      rings.push(points);
    }
  }
  return rings;
}
