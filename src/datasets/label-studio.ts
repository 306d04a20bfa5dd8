import { z } from "zod";
import { decodeBrush } from "../imaging/brush-rle.ts";
import { polygonsToMask } from "../imaging/polygons.ts";
import type { BinaryMask } from "../imaging/types.ts";
import { AppError } from "../lib/errors.ts";
import { pathText } from "../lib/text.ts";
import { imageFinder } from "./find-image.ts";
import { taskImage } from "./label-studio-image.ts";
import { parseElement } from "./json-stream.ts";
import { keptName, type Plan, type PlannedImage, type PlannedMask, withUnnamed } from "./plan.ts";
import { fileError } from "./problems.ts";
import type { Spool } from "./spool.ts";
import { type ItemFacts, nothingSkipped } from "./types.ts";
import type { ZipReader } from "./zip.ts";

const id = z.union([z.number(), z.string()]).nullish();
const side = z.int().positive().nullish();

/** The parts of an export that are read; what else it holds is passed over. */
const taskSchema = z.object({
  id,
  data: z.record(z.string(), z.unknown()),
  annotations: z.array(
    z.object({
      was_cancelled: z.boolean().nullish(),
      ground_truth: z.boolean().nullish(),
      result: z.array(
        z.object({
          id,
          type: z.string().default("none"),
          original_width: side,
          original_height: side,
          image_rotation: z.number().nullish(),
          value: z.record(z.string(), z.unknown()).default({}),
        }),
      ),
    }),
  ),
});
type Task = z.infer<typeof taskSchema>;
type Result = Task["annotations"][number]["result"][number];

/** Results that say something of an image or a region, and draw none. */
const notes = new Set(
  "none labels choices textarea rating number taxonomy datetime pairwise ranker relation".split(" "),
);

/** Whether the first element of a JSON list is meant as a task of Label Studio's export `JSON`. */
export const looksLikeTask = (first: unknown): boolean =>
  typeof first === "object" && first !== null && "data" in first && "annotations" in first;

/**
 * The layout of a zip with Label Studio's export `JSON` and the images, task by task: each task's image is found by the
 * name in its data, whatever server, folder or upload prefix stands before it. Brush regions and polygons (in percent of
 * the image) are the objects. Rectangles and other shapes outline none: passed over and counted. Skipped annotations and
 * predictions are nobody's word and left out; of several annotations of one task the one marked as ground truth counts, and
 * without such a mark they are an error. Images that no task names are unannotated.
 *
 * Tasks lie in a spool until their image is read. Every method throws AppError import_file_invalid.
 */
export class LabelStudioReader {
  readonly #file: string;
  readonly #spool: Spool;
  readonly #find: (fileName: string) => readonly string[];
  readonly #planned = new Map<string, PlannedImage>();
  readonly #skipped = { boxes: 0, shapes: 0 };

  constructor(file: string, spool: Spool, zip: ZipReader) {
    this.#file = file;
    this.#spool = spool;
    this.#find = imageFinder(zip);
  }

  add(json: Buffer, k: number): void {
    const { where, task } = this.#task(json, k);
    const name = taskImage(where, task.data, this.#find);
    if (this.#planned.has(name)) throw fileError(where, `another task shows ${name} too`);
    const results = chosenResults(where, task);
    const { masks, boxes, shapes } = drawn(where, results);
    this.#skipped.boxes += boxes;
    this.#skipped.shapes += shapes;
    const piece = this.#spool.add(json);
    this.#planned.set(name, {
      name,
      alsoNamed: [],
      declared: declaredSize(where, results),
      group: undefined,
      count: masks.length,
      masks: () => {
        const again = this.#task(this.#spool.read(piece), k);
        return drawn(again.where, chosenResults(again.where, again.task)).masks;
      },
    });
  }

  plan(zip: ZipReader): Plan {
    return {
      layout: "label_studio",
      images: withUnnamed(zip, this.#planned),
      skipped: { ...nothingSkipped, ...this.#skipped },
    };
  }

  #task(json: Buffer, k: number): { where: string; task: Task } {
    const parsed = taskSchema.safeParse(parseElement(json));
    if (parsed.success)
      return { where: `${this.#file}: task ${parsed.data.id ?? `number ${k}`}`, task: parsed.data };
    const issue = parsed.error.issues[0];
    throw fileError(this.#file, `${pathText([k, ...(issue?.path ?? [])])}: ${issue?.message}`);
  }
}

/** The masks among a task's results, and how many others draw something. */
function drawn(where: string, results: readonly Result[]) {
  const found = { masks: [] as PlannedMask[], boxes: 0, shapes: 0 };
  for (const [n, result] of results.entries()) {
    const at = `${where}, result ${result.id ?? `number ${n}`}`;
    if (result.type === "rectanglelabels" || result.type === "rectangle") found.boxes++;
    else if (/^(brush|polygon)(labels)?$/.test(result.type))
      found.masks.push(plannedMask(at, result, results));
    else if (!notes.has(result.type)) found.shapes++;
  }
  return found;
}

function chosenResults(where: string, task: Task): Result[] {
  const given = task.annotations.filter((annotation) => annotation.was_cancelled !== true);
  const truths = given.filter((annotation) => annotation.ground_truth === true);
  const [first, ...others] = truths.length > 0 ? truths : given;
  if (others.length > 0)
    throw fileError(
      where,
      `has ${others.length + 1} annotations; mark one as ground truth, or each object would count that often`,
    );
  return first?.result ?? [];
}

/** Regions are drawn on one image, so they all tell its one size. */
function declaredSize(where: string, results: readonly Result[]): PlannedImage["declared"] {
  const found = results.find((result) => result.original_width != null && result.original_height != null);
  if (found?.original_width == null || found.original_height == null) return null;
  return { width: found.original_width, height: found.original_height, file: where };
}

function plannedMask(file: string, result: Result, all: readonly Result[]): PlannedMask {
  if ((result.image_rotation ?? 0) !== 0)
    throw fileError(
      file,
      `was drawn on the image turned by ${result.image_rotation} degrees; turn it back first`,
    );
  const read = result.type.startsWith("brush") ? brush(file, result.value) : polygon(file, result.value);
  return { file, label: labelOf(file, result, all), bbox: null, read };
}

/** Its own, or that of the result of type `labels` with the same id, as `<Labels>` beside `<Brush>` gives it. */
function labelOf(file: string, result: Result, all: readonly Result[]): string | null {
  const beside = all.find((other) => other.type === "labels" && result.id != null && other.id === result.id);
  const given = result.value[result.type] ?? beside?.value["labels"] ?? [];
  const parsed = z.array(keptName).max(1, "a region has one label at most").safeParse(given);
  if (!parsed.success) throw fileError(file, `labels: ${parsed.error.issues[0]?.message}`);
  return parsed.data[0] ?? null;
}

function brush(file: string, { format, rle }: Result["value"]): (facts: ItemFacts) => BinaryMask {
  if (format !== "rle" || !Array.isArray(rle))
    throw fileError(file, "value must be {format: rle, rle: [bytes]}");
  const bad = rle.findIndex(
    (byte: unknown) => !(Number.isInteger(byte) && Number(byte) >= 0 && Number(byte) < 256),
  );
  if (bad !== -1) throw fileError(file, `rle[${bad}] is no byte`);
  const bytes = Uint8Array.from(rle as number[]);
  return ({ width, height }) => decodeBrush(bytes, width, height);
}

const percents = z.array(z.tuple([z.number(), z.number()])).min(3, "3 points are the least");

function polygon(file: string, value: Result["value"]): (facts: ItemFacts) => BinaryMask {
  const parsed = percents.safeParse(value["points"]);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw fileError(file, `${pathText(["points", ...(issue?.path ?? [])])}: ${issue?.message}`);
  }
  const shares = Float64Array.from(parsed.data.flat(), (percent) => percent / 100);
  return ({ width, height }) => {
    const out = shares.findIndex((share) => share < -1 || share > 2);
    if (out !== -1)
      throw new AppError(
        "mask_polygon_invalid",
        `point ${out >> 1} lies far outside; points are in percent of the image`,
      );
    return polygonsToMask(
      [Array.from(shares, (share, i) => share * (i % 2 === 0 ? width : height))],
      width,
      height,
    );
  };
}
