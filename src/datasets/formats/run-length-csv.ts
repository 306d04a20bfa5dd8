import { parse } from "csv-parse";
import { splitOf } from "../names.ts";
import { type AnnotatedImage, type DrawnObject, ObjectPlans } from "../objects.ts";
import { baseOf } from "../paths.ts";
import { labelOf, type Source } from "../plan.ts";
import { spansOf } from "../shapes.ts";
import type { FormatContext } from "../types.ts";
import { viaObject } from "./via.ts";
import { maskSize } from "../../imaging/mask-values.ts";

/** Columns as competitions call them, in lower case without what is no letter. */
const columns = {
  image: ["imageid", "imageidclassid", "imagelabel", "image", "filename", "imagename", "img", "id", "file"],
  runs: [
    "encodedpixels",
    "rlemask",
    "rle",
    "encoding",
    "segmentation",
    "annotation",
    "maskrle",
    "mask",
    "pixels",
  ],
  label: ["classid", "class", "label", "celltype", "category", "classname", "imageidclassid", "imagelabel"],
} as const;
/** Objects that are tried in every order before one is chosen. */
const tried = 20;

/** How a file's runs are meant; see `runsOf`. */
interface Convention {
  readonly order: "columns" | "rows";
  /** Whether a start counts from the end of the run before (SIIM), not from the image's first pixel. */
  readonly relative: boolean;
  /** What the first pixel is called. */
  readonly first: 0 | 1;
}

interface Row {
  readonly line: number;
  readonly image: string;
  readonly label: string | null;
  readonly numbers: readonly number[] | null;
}

/**
 * Run lengths as Kaggle's competitions have them: a row an object, `start length start length ...`. Pixels count down the
 * columns (Airbus, Severstal, TGS, HuBMAP) or along the rows (Sartorius, UW-Madison), from 1 or from 0, starts from the
 * image's first pixel or from the run before (SIIM): what gives the most compact masks of the file's first objects is
 * meant, and told. An empty cell or -1 is an image of nothing. VIA's CSV is read too. Sources: the competitions' data and
 * evaluation pages; SIIM's `mask_functions.py`.
 */
export async function csvSources(context: FormatContext): Promise<Source[]> {
  const { zip, claim, isClaimed, reading } = context;
  const sources: Source[] = [];
  for (const name of zip.entries.keys()) {
    if (!/\.csv$/i.test(name) || isClaimed(name) || baseOf(name) === "groups.csv") continue;
    if (/sample_?submission/i.test(name)) {
      claim(name);
      continue;
    }
    reading?.(name);
    const table = await openTable(context, name);
    if (!table) continue;
    claim(name);
    const plans = new ObjectPlans(context);
    for (const image of table.images) plans.add(name, image);
    sources.push({ layout: table.layout, title: table.title, file: name, rank: 9, images: plans.images });
  }
  return sources;
}

async function openTable(
  context: FormatContext,
  file: string,
): Promise<{ layout: string; title: string; images: AnnotatedImage[] } | null> {
  const rows: Row[] = [];
  let fields: { image: number; runs: number; label: number } | null = null;
  const viaRows = new Map<string, DrawnObject[]>();
  let viaAt: number[] | null = null;
  const parser = parse({
    bom: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: 32 * 1024 * 1024,
  });
  const feed = (async () => {
    for await (const chunk of context.zip.chunks(file, context.signal))
      if (!parser.write(chunk)) await drained(parser);
    parser.end();
  })();
  feed.catch((error: unknown) => parser.destroy(error as Error));
  let line = 0;
  try {
    for await (const record of parser as AsyncIterable<string[]>) {
      line++;
      if (line === 1) {
        const heads = record.map((cell) => cell.toLowerCase().replaceAll(/[^a-z]/g, ""));
        if (heads.includes("regionshapeattributes")) {
          viaAt = ["filename", "regionshapeattributes", "regionattributes"].map((head) =>
            heads.indexOf(head),
          );
          continue;
        }
        fields = fieldsOf(heads);
        if (!fields) break;
        continue;
      }
      if (viaAt) addVia(viaRows, record, viaAt);
      else if (fields) rows.push(rowOf(record, fields, line));
    }
  } catch (error) {
    context.report.leave("entry_invalid", {
      file,
      line,
      detail: `is no CSV: ${String(error).slice(0, 200)}`,
    });
    return null;
  } finally {
    parser.destroy();
  }
  if (viaAt)
    return {
      layout: "via",
      title: "VIA's CSV",
      images: [...viaRows].map(([image, objects]) => ({ image, objects })),
    };
  if (!fields || rows.length === 0) return null;
  return { layout: "run_length_csv", title: "run-length CSV", images: await imagesOf(rows, file, context) };
}

const drained = (parser: NodeJS.EventEmitter): Promise<void> =>
  new Promise((resolve) => {
    parser.once("drain", resolve);
    parser.once("close", resolve);
  });

function addVia(
  images: Map<string, DrawnObject[]>,
  record: readonly string[],
  [name, shape, attributes]: readonly number[],
): void {
  const image = record[name as number] ?? "";
  const objects = images.get(image) ?? [];
  images.set(image, objects);
  const parsed = [shape, attributes].map((at) => {
    try {
      return JSON.parse(record[at as number] ?? "{}") as unknown;
    } catch {
      return {};
    }
  });
  const [drawn, said] = parsed;
  if (Object.keys(drawn as object).length > 0)
    objects.push(viaObject({ shape_attributes: drawn, region_attributes: said }, objects.length));
}

function fieldsOf(heads: readonly string[]): { image: number; runs: number; label: number } | null {
  const at = (names: readonly string[]): number =>
    names.map((name) => heads.indexOf(name)).find((place) => place !== -1) ?? -1;
  const [image, runs] = [at(columns.image), at(columns.runs)];
  return image === -1 || runs === -1 || image === runs ? null : { image, runs, label: at(columns.label) };
}

function rowOf(
  record: readonly string[],
  at: { image: number; runs: number; label: number },
  line: number,
): Row {
  const given = record[at.image]?.trim() ?? "";
  // `0002cc93b.jpg_1`: the class stands behind the image's name.
  const [, image = given, behind] = at.label === at.image ? (/^(.*)_([^_]+)$/.exec(given) ?? []) : [];
  const runs = record[at.runs]?.trim() ?? "";
  const numbers = runs === "" || /^(-1|nan|none|null)$/i.test(runs) ? null : runs.split(/[\s,]+/).map(Number);
  const said = behind ?? (at.label === -1 ? undefined : record[at.label]);
  // A class that is a number has no name.
  return {
    line,
    image,
    label: said === undefined || /^\s*\d*\s*$/.test(said) ? null : labelOf(said),
    numbers,
  };
}

async function imagesOf(
  rows: readonly Row[],
  file: string,
  context: FormatContext,
): Promise<AnnotatedImage[]> {
  const convention = await conventionOf(rows, file, context);
  const images = new Map<string, DrawnObject[]>();
  for (const { line, image, label, numbers } of rows) {
    const objects = images.get(image) ?? [];
    images.set(image, objects);
    if (!numbers) continue;
    const bad = numbers.some((number) => !Number.isInteger(number) || number < 0) || numbers.length % 2 === 1;
    objects.push(
      bad
        ? { line, label, leave: "object_invalid", detail: "its runs are no pairs of whole numbers" }
        : { line, label, shape: { kind: "starts", numbers, ...convention } },
    );
  }
  return [...images].map(([image, objects]) => ({ image, objects, split: splitOf(image) }));
}

/** Which convention gives the file's first objects the shortest outlines. */
async function conventionOf(rows: readonly Row[], file: string, context: FormatContext): Promise<Convention> {
  const { finder, zip, report, signal } = context;
  const given = rows.filter(({ numbers }) => numbers !== null && numbers.length >= 2);
  const some = given.toSorted((a, b) => (b.numbers?.length ?? 0) - (a.numbers?.length ?? 0)).slice(0, tried);
  const first = given.some(({ numbers }) => numbers?.[0] === 0) ? 0 : 1;
  const candidates: Convention[] = [];
  for (const order of ["columns", "rows"] as const)
    for (const relative of [false, true]) candidates.push({ order, relative, first: relative ? 0 : first });
  const lengths = candidates.map(() => 0);
  let square = true;
  for (const { image, numbers } of some) {
    const [name, ...others] = finder.find(image, file);
    if (name === undefined || others.length > 0) continue;
    const size = await maskSize(await zip.read(name, signal)).catch(() => null);
    if (!size || !numbers) continue;
    if (size.width !== size.height) square = false;
    for (const [i, candidate] of candidates.entries())
      lengths[i] = (lengths[i] as number) + outlineOf(numbers, candidate, size);
  }
  let best = 0;
  for (const [i, length] of lengths.entries()) if (length < (lengths[best] as number)) best = i;
  const chosen = candidates[best] as Convention;
  const guess = square ? "; square images look alike both ways" : "";
  report.tell(
    "run_order",
    `the runs of ${file} count ${chosen.order === "columns" ? "down the columns" : "along the rows"}, from ` +
      `${chosen.relative ? "the run before" : `pixel ${chosen.first}`}${guess}`,
  );
  return chosen;
}

/** How long the outline is, in pixel edges; a large number where the runs do not fit. */
function outlineOf(
  numbers: readonly number[],
  convention: Convention,
  { width, height }: { width: number; height: number },
): number {
  const pixels = width * height;
  const [long, wide] = convention.order === "columns" ? [height, width] : [width, height];
  const unfit = 4 * pixels;
  let sum = 0;
  let before: [number, number][] = [];
  let [line, now]: [number, [number, number][]] = [-1, []];
  const close = (): void => {
    // What of this line's runs does not lie along the last one's is outline.
    let both = 0;
    for (const [a0, a1] of now)
      for (const [b0, b1] of before) both += Math.max(0, Math.min(a1, b1) - Math.max(a0, b0));
    const length = (runs: [number, number][]): number => runs.reduce((all, [a, b]) => all + b - a, 0);
    sum += length(now) + length(before) - 2 * both + 2 * now.length;
  };
  try {
    for (const [start, end] of spansOf(numbers, convention, pixels)) {
      for (let at = start; at < end;) {
        const own = Math.floor(at / long);
        const stop = Math.min(end, (own + 1) * long);
        if (own !== line) {
          close();
          before = own === line + 1 ? now : [];
          if (own !== line + 1 && now.length > 0) sum += now.reduce((all, [a, b]) => all + b - a, 0);
          [line, now] = [own, []];
        }
        now.push([at - own * long, stop - own * long]);
        at = stop;
      }
    }
  } catch {
    return unfit;
  }
  close();
  return Math.min(unfit, sum + (wide === 0 ? 1 : 0));
}
