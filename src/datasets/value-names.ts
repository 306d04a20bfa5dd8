/** Tables that say which value or colour of a mask file is which class. */
import type { MaskValues } from "../imaging/mask-values.ts";
import { baseOf } from "./paths.ts";
import { labelOf } from "./plan.ts";
import type { FormatContext } from "./types.ts";

/** Whether a class's name says that nothing is there. */
export const isBackground = (name: string): boolean =>
  /^[_\s]*(background|unlabell?ed|void|none|ignore|other\/unknown|_background_)[_\s]*$/i.test(name);

/** R, G and B of a grey. */
const grey = 0x010101;

export class ValueNames {
  readonly #byValue: ReadonlyMap<number, string>;
  readonly #byColour: ReadonlyMap<number, string>;

  constructor(byValue: ReadonlyMap<number, string>, byColour: ReadonlyMap<number, string>) {
    this.#byValue = byValue;
    this.#byColour = byColour;
  }

  /** Names of colours in the order of their lines, which number the classes of some formats; null without any. */
  get inOrder(): readonly string[] | null {
    return this.#byColour.size === 0 ? null : [...this.#byColour.values()];
  }

  /** Undefined where the tables don't say it. */
  label(value: number, { kind, palette }: MaskValues): string | null | undefined {
    const colour = kind === "colour" ? value : palette ? palette[value] : value * grey;
    const byColour = colour === undefined ? undefined : this.#byColour.get(colour);
    const name =
      byColour ?? (kind === "colour" ? undefined : (this.#byValue.get(value) ?? this.#line(value)));
    return name === undefined ? undefined : labelOf(name);
  }

  /** Masks without colours count a table of colours in lines, as Datumaro writes them where it paints none. */
  #line(value: number): string | undefined {
    const names = this.inOrder;
    return names && isBackground(names[0] ?? "") ? names[value] : undefined;
  }

  /** Values whose name says that nothing is there. */
  background({ kind, palette }: MaskValues): Set<number> {
    const out = new Set<number>();
    if (kind !== "colour") for (const [value, name] of this.#byValue) if (isBackground(name)) out.add(value);
    for (const [colour, name] of this.#byColour) {
      if (!isBackground(name)) continue;
      if (kind === "colour") out.add(colour);
      else if (palette?.includes(colour)) out.add(palette.indexOf(colour));
    }
    return out;
  }
}

const tableName =
  /^(_?classes|class_?dict.*|label_?colou?rs?|label_?map|colou?r_?map|labels?_?(list|names)?|class_?names)\.(csv|txt|tsv)$/i;

/**
 * The table of a zip's mask values: CVAT's `labelmap.txt` (`name:r,g,b:parts:actions`), `class_dict.csv` (`name,r,g,b`),
 * CamVid's `label_colors.txt` (`r g b name`), Roboflow's `_classes.csv` (`Pixel Value, Class`), Hugging Face's `id2label.json`,
 * lists of names (see rowsOfNames). Null without one.
 */
export async function valueNames(context: FormatContext): Promise<ValueNames | null> {
  const byValue = new Map<number, string>();
  const byColour = new Map<number, string>();
  for (const { name, bytes } of context.zip.entries.values()) {
    const isJson = baseOf(name) === "id2label.json";
    if (!(isJson || tableName.test(baseOf(name))) || bytes > 1024 * 1024 || context.isClaimed(name)) continue;
    const text = (await context.zip.read(name, context.signal)).toString("utf8").replace(/^\uFEFF/, "");
    const rows = isJson ? rowsOfJson(text) : rowsOfLines(text.split(/\r?\n/), baseOf(name));
    if (rows.length === 0) continue;
    context.claim(name);
    for (const { colour, value, label } of rows) {
      if (colour !== undefined) byColour.set(colour, label);
      if (value !== undefined) byValue.set(value, label);
    }
  }
  return byValue.size + byColour.size === 0 ? null : new ValueNames(byValue, byColour);
}

/** `{"0": "unlabelled", "1": "road"}`. */
function rowsOfJson(text: string): TableRow[] {
  try {
    const json = JSON.parse(text) as Record<string, unknown>;
    return Object.entries(json).flatMap(([value, label]) =>
      /^\d+$/.test(value) && typeof label === "string" ? [{ value: Number(value), label }] : [],
    );
  } catch {
    return [];
  }
}

interface TableRow {
  readonly colour?: number;
  readonly value?: number;
  readonly label: string;
}

function rowsOfLines(lines: readonly string[], file: string): TableRow[] {
  const rows = lines.flatMap((line) => rowOf(line) ?? []);
  return rows.length > 0 ? rows : rowsOfNames(lines, file);
}

/**
 * A name a line: values count from the line that says background, as in LabelMe's `class_names.txt` behind `__ignore__`;
 * without one from 1, in a `label_colors.txt` alone, which Datumaro writes so for CamVid. Other lists are YOLO's.
 */
function rowsOfNames(lines: readonly string[], file: string): TableRow[] {
  const names = lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
  const background = names.findIndex((name) => isBackground(name) && !/ignore/i.test(name));
  const zero = background >= 0 ? background : /^label_?colou?rs?\.txt$/i.test(file) ? -1 : null;
  if (zero === null) return [];
  return names.flatMap((label, line) => (line >= zero ? [{ label, value: line - zero }] : []));
}

function rowOf(line: string): TableRow | null {
  if (/^\s*(#|$)/.test(line)) return null;
  const colourOf = (parts: (string | undefined)[]): number =>
    parts.reduce((sum, part) => sum * 256 + Number(part), 0);
  const cvat = /^([^:]+):(\d{1,3}),(\d{1,3}),(\d{1,3}):/.exec(line);
  if (cvat) return { label: (cvat[1] as string).trim(), colour: colourOf(cvat.slice(2, 5)) };
  const after = /^\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\S.*)$/.exec(line);
  if (after) return { label: (after[4] as string).trim(), colour: colourOf(after.slice(1, 4)) };
  const before =
    /^\s*"?([^",;\t]+)"?\s*[,;\t]\s*(\d{1,3})\s*[,;\t]\s*(\d{1,3})\s*[,;\t]\s*(\d{1,3})\s*$/.exec(line);
  if (before) return { label: (before[1] as string).trim(), colour: colourOf(before.slice(2, 5)) };
  const value = /^\s*(\d{1,5})\s*[,;:\t]\s*([^,;:\t\d][^,;:\t]*)\s*$/.exec(line);
  return value ? { label: (value[2] as string).trim(), value: Number(value[1]) } : null;
}
