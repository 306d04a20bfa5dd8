import { z } from "zod";
import { parseElement } from "../json-outline.ts";
import { type DrawnObject, ObjectPlans } from "../objects.ts";
import { isImageName, isForeignImageName } from "../paths.ts";
import { labelOf, type Source } from "../plan.ts";
import { tooMany } from "../problems.ts";
import type { Shape } from "../shapes.ts";
import type { FormatContext } from "../types.ts";

const id = z.union([z.number(), z.string()]).nullish().catch(null);
const side = z.number().positive().nullish().catch(null);

/** The parts of an export that are read; what else it holds is passed over. */
const taskSchema = z.object({
  id,
  data: z.record(z.string(), z.unknown()),
  annotations: z.array(
    z.object({
      id,
      was_cancelled: z.boolean().nullish().catch(null),
      ground_truth: z.boolean().nullish().catch(null),
      created_at: z.string().nullish().catch(null),
      updated_at: z.string().nullish().catch(null),
      result: z.array(z.record(z.string(), z.unknown())).nullish(),
    }),
  ),
  predictions: z.array(z.unknown()).nullish().catch(null),
});
type Task = z.infer<typeof taskSchema>;
type Annotation = Task["annotations"][number];

const resultSchema = z.object({
  id,
  type: z.string().default("none"),
  original_width: side,
  original_height: side,
  image_rotation: z.number().nullish().catch(null),
  value: z.record(z.string(), z.unknown()).default({}),
});
type Result = z.infer<typeof resultSchema>;

/** Results that say something of an image or a region, and draw none. */
const notes = new Set(
  "none labels choices textarea rating number taxonomy datetime pairwise ranker relation".split(" "),
);

/** Whether the first element of a JSON list is meant as a task of Label Studio's export `JSON`. */
export const looksLikeTask = (first: unknown): boolean =>
  typeof first === "object" && first !== null && "data" in first && "annotations" in first;

/** Whether it is one of the export `JSON_MIN`: the data's keys and those of the labels on one level. */
export const looksLikeMinTask = (first: unknown): boolean =>
  typeof first === "object" &&
  first !== null &&
  Object.values(first).some((value) => typeof value === "string" && meansImage(value)) &&
  Object.values(first).some((value) => Array.isArray(value) && value.some((one) => isRegion(one)));

const isRegion = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  "original_width" in value &&
  ("points" in value || "rle" in value || "width" in value || "radiusX" in value);

const namesImage = (path: string): boolean => isImageName(path) || isForeignImageName(path);

/** A name may have a # or ? of its own. */
const meansImage = (text: string): boolean => namesImage(pathOf(text)) || namesImage(text);

/**
 * Label Studio's exports `JSON` and `JSON_MIN`, task by task. Each task's image is found by the name in its data, whatever
 * server, folder or upload prefix stands before it. Brush regions, bitmasks, polygons and ellipses (in percent of the
 * image) are the objects; rectangles and points outline none. Skipped annotations and predictions are nobody's word. Of
 * several annotations of one task, the one marked as ground truth counts, else the one that was changed last (or first, or
 * what most of them agree on, as asked). Source: label-studio-sdk 2.0, `converter/`; labelstud.io/guide/export.
 */
export class LabelStudioReader {
  readonly #file: string;
  readonly #context: FormatContext;
  readonly #plans: ObjectPlans;

  constructor(file: string, context: FormatContext) {
    this.#file = file;
    this.#context = context;
    this.#plans = new ObjectPlans(context);
  }

  add(json: Buffer, k: number): void {
    // An export may list more images than its zip holds; what can't be read counts, too.
    const most = 4 * this.#context.limits.maxImages;
    if (k >= most) throw tooMany(k + 1, "tasks", most);
    const value = parseElement(json);
    const parsed = taskSchema.safeParse(looksLikeTask(value) ? value : wholeTask(value));
    const { report } = this.#context;
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const detail = `${issue?.path.join(".")}: ${issue?.message}`;
      report.leave("entry_invalid", { file: this.#file, id: `task number ${k}`, detail });
      return;
    }
    const task = parsed.data;
    const where = `task ${task.id ?? `number ${k}`}`;
    const counted = this.#counted(where, task);
    const drawn = counted.map(({ result }) => drawnBy(result ?? [], where));
    const results = drawn.flatMap((one) => one.results);
    const objects = drawn.length > 1 ? agreed(drawn, where) : (drawn[0]?.objects ?? []);
    const image = imageOf(task.data);
    if (image === null) {
      const detail = "its data names no image";
      report.leave("image_missing", {
        file: this.#file,
        id: where,
        detail,
        count: Math.max(1, objects.length),
      });
      return;
    }
    const sized = results.find((result) => result.original_width != null && result.original_height != null);
    this.#plans.add(this.#file, {
      image,
      size: sized && { width: sized.original_width as number, height: sized.original_height as number },
      objects,
      // A task that nobody has done yet says nothing of its image.
      isLookedAt: counted.length > 0,
      group: undefined,
    });
  }

  source(): Source {
    const images = this.#plans.images;
    return { layout: "label_studio", title: "Label Studio's export", file: this.#file, rank: 10, images };
  }

  /** The annotations that count: one of them, or with a consensus all. */
  #counted(where: string, task: Task): readonly Annotation[] {
    const { report, choices } = this.#context;
    const leave = (code: "cancelled" | "prediction" | "other_annotator", result: unknown): void => {
      const count = Array.isArray(result) ? Math.max(1, result.length) : 1;
      report.leave(code, { file: this.#file, id: where, count });
    };
    const given = task.annotations.filter((annotation) => annotation.was_cancelled !== true);
    for (const annotation of task.annotations)
      if (annotation.was_cancelled === true) leave("cancelled", annotation.result);
    if (given.length === 0)
      for (const prediction of task.predictions ?? [])
        leave("prediction", (prediction as { result?: unknown } | null)?.result);
    const truths = given.filter((annotation) => annotation.ground_truth === true);
    const candidates = (truths.length > 0 ? truths : given).toSorted((a, b) =>
      timeOf(a) < timeOf(b) ? -1 : 1,
    );
    const counted =
      choices.annotators === "consensus"
        ? candidates
        : candidates.slice(...(choices.annotators === "first" ? [0, 1] : [-1]));
    for (const other of given) if (!counted.includes(other)) leave("other_annotator", other.result);
    return counted;
  }
}

/** What one annotation drew; `results` are those that could be read. */
export interface Drawn {
  readonly results: readonly Result[];
  readonly objects: readonly DrawnObject[];
}

/** The objects of an annotation's `result`, called by `where` it stands. */
export function drawnBy(result: readonly unknown[], where: string): Drawn {
  const results = result.flatMap((one) => resultSchema.safeParse(one).data ?? []);
  const beside = labelsById(results);
  return { results, objects: results.flatMap((one, n) => objectOf(where, n, one, beside)) };
}

/** What can be drawn of several annotators' objects is voted on; the rest stands for itself. */
function agreed(drawn: readonly Drawn[], where: string): DrawnObject[] {
  const votes = drawn.map(({ objects }) =>
    objects.flatMap(({ label, shape }) => (shape ? [{ label, shape }] : [])),
  );
  const others = drawn.flatMap(({ objects }) => objects.filter(({ shape }) => !shape));
  const all = votes.some((own) => own.length > 0);
  return [...(all ? [{ id: `${where}, ${drawn.length} annotators`, label: null, votes }] : []), ...others];
}

const timeOf = (annotation: Annotation): string => annotation.updated_at ?? annotation.created_at ?? "";

/** A task of JSON_MIN as one of JSON: what lies in lists of regions was drawn, the rest is data. */
function wholeTask(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const result: unknown[] = [];
  const data: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(value)) {
    if (!Array.isArray(one)) data[key] = one;
    else
      for (const region of one) {
        if (!isRegion(region)) continue;
        const { original_width, original_height, image_rotation, ...rest } = region as Record<
          string,
          unknown
        >;
        result.push({ type: kindOf(rest), original_width, original_height, image_rotation, value: rest });
      }
  }
  return { id: (value as { id?: unknown }).id, data, annotations: [{ result }] };
}

const kindOf = (value: Record<string, unknown>): string =>
  Object.keys(value).find((key) => key.endsWith("labels")) ??
  ("points" in value ? "polygon" : "rle" in value ? "brush" : "radiusX" in value ? "ellipse" : "rectangle");

function imageOf(data: Readonly<Record<string, unknown>>): string | null {
  const fields = Object.entries(data).filter(([, value]) => typeof value === "string" && meansImage(value));
  const field = fields.find(([key]) => key === "image") ?? fields[0];
  return field ? (field[1] as string) : null;
}

/** `/data/local-files/?d=a/x.png`, `s3://bucket/a/x.png?v=1` to what tells its kind. */
const pathOf = (text: string): string => (/[?&]d=([^&]+)/.exec(text)?.[1] ?? text).replace(/[?#].*$/s, "");

type LabelsById = ReadonlyMap<Result["id"], unknown>;

/** What results of type `labels` say of the regions of the same id, as `<Labels>` beside `<Brush>` gives them. */
function labelsById(results: readonly Result[]): LabelsById {
  const labels = new Map<Result["id"], unknown>();
  for (const { id: of, type, value } of results)
    if (type === "labels" && of != null && !labels.has(of)) labels.set(of, value["labels"]);
  return labels;
}

function objectOf(where: string, n: number, result: Result, beside: LabelsById): DrawnObject[] {
  const base = { id: `${where}, result ${result.id ?? `number ${n}`}`, label: ownLabel(result, beside) };
  if (notes.has(result.type)) return [];
  if (/^rectangle(labels)?$/.test(result.type)) return [{ ...base, leave: "box_only" }];
  if ((result.image_rotation ?? 0) !== 0)
    return [
      {
        ...base,
        leave: "object_invalid",
        detail: `it was drawn on the image turned by ${result.image_rotation} degrees`,
      },
    ];
  const shape = shapeOf(result.type, result.value);
  if (shape === undefined) return [{ ...base, leave: "shape_unsupported", detail: result.type }];
  return [shape === null ? { ...base, leave: "object_invalid", detail: result.type } : { ...base, shape }];
}

function ownLabel(result: Result, beside: LabelsById): string | null {
  const given = result.value[result.type] ?? beside.get(result.id);
  return Array.isArray(given) ? labelOf(given[0]) : null;
}

/** Undefined for what outlines nothing, null for what can't be read. */
function shapeOf(type: string, value: Result["value"]): Shape | null | undefined {
  const kind = type.replace(/labels$/, "");
  if (kind === "polygon") return polygon(value["points"]);
  if (kind === "vector" && value["closed"] === true && Array.isArray(value["vertices"]))
    return polygon(
      (value["vertices"] as ({ x?: unknown; y?: unknown } | null)[]).map((at) => [at?.x, at?.y]),
    );
  if (kind === "brush" && Array.isArray(value["rle"])) {
    const bytes = value["rle"] as unknown[];
    const bad = bytes.some((byte) => !(Number.isInteger(byte) && Number(byte) >= 0 && Number(byte) < 256));
    return bad ? null : { kind: "brush", rle: bytes as number[] };
  }
  if ((kind === "bitmask" || kind === "brush") && typeof value["imageDataURL"] === "string")
    return {
      kind: "bitmap",
      data: value["imageDataURL"].replace(/^data:[^,]*,/, ""),
      zlib: false,
      at: [0, 0],
    };
  if (kind === "ellipse") {
    const [x, y, rx, ry] = ["x", "y", "radiusX", "radiusY"].map((key) => numberOf(value[key]) / 100);
    if (![x, y, rx, ry].every(Number.isFinite)) return null;
    const angle = numberOf(value["rotation"] ?? 0);
    return {
      kind: "ellipse",
      x: x as number,
      y: y as number,
      rx: rx as number,
      ry: ry as number,
      angle: Number.isFinite(angle) ? angle : 0,
      unit: "shares",
    };
  }
  return kind === "brush" || kind === "bitmask" ? null : undefined;
}

/** NaN for all but numbers, and texts that are one. */
const numberOf = (value: unknown): number =>
  typeof value === "number" || typeof value === "string" ? Number(value) : Number.NaN;

function polygon(points: unknown): Shape | null {
  if (!Array.isArray(points)) return null;
  const ring: number[] = [];
  for (const point of points as unknown[]) {
    const [x, y] = Array.isArray(point) ? (point as unknown[]) : [];
    if (typeof x !== "number" || typeof y !== "number") return null;
    ring.push(x / 100, y / 100);
  }
  return { kind: "rings", rings: [ring], unit: "shares" };
}
