import { LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { keptName } from "./plan.ts";
import { fileError, layoutUnknown } from "./problems.ts";
import type { LayoutContext } from "./types.ts";
import type { ZipReader } from "./zip.ts";

/** A list of names is short; more is no list of names. */
const maxBytes = 1024 ** 2;

/**
 * The names of YOLO's classes by their numbers: `names` of data.yaml (or of the only YAML file at the top that has it), a
 * list or a map; else classes.txt at the top or in labels/, one name a line. Other keys of data.yaml are passed over: the
 * folders say where images lie, and the split is ours.
 * Throws AppError import_layout_unknown without any, import_file_invalid with the file and its line.
 */
export async function classNames(
  zip: ZipReader,
  context: Pick<LayoutContext, "reading" | "signal">,
): Promise<{ file: string; names: ReadonlyMap<number, string> }> {
  const atTop = [...zip.entries.keys()].filter((name) => /^[^/]+\.ya?ml$/i.test(name));
  const usual = atTop.filter((name) => /^data\.ya?ml$/i.test(name));
  const found: { file: string; names: Map<number, string> }[] = [];
  for (const file of usual.length > 0 ? usual : atTop) {
    const names = yamlNames(file, await textOf(zip, file, context));
    if (names) found.push({ file, names });
  }
  const [first, second] = found;
  if (first && second)
    throw layoutUnknown(`both ${first.file} and ${second.file} name YOLO's classes; leave out one of them`);
  if (first) return first;
  for (const file of ["classes.txt", "labels/classes.txt"])
    if (zip.entries.has(file)) return { file, names: listedNames(file, await textOf(zip, file, context)) };
  throw layoutUnknown(
    "the zip has YOLO labels but does not name their classes: it needs data.yaml with `names`, or classes.txt",
  );
}

async function textOf(
  zip: ZipReader,
  file: string,
  { reading, signal }: Pick<LayoutContext, "reading" | "signal">,
): Promise<string> {
  reading?.(file);
  const bytes = zip.entries.get(file)?.bytes ?? 0;
  if (bytes > maxBytes) throw fileError(file, `has ${bytes} bytes; ${maxBytes} are the most`);
  return (await zip.read(file, signal)).toString("utf8").replace(/^\uFEFF/, "");
}

/** Null where the file has no `names`. */
function yamlNames(file: string, text: string): Map<number, string> | null {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [problem] = document.errors;
  if (problem)
    throw fileError(file, `line ${lines.linePos(problem.pos[0]).line}: ${problem.message}`, problem);
  const content: unknown = document.toJS();
  if (typeof content !== "object" || content === null || !("names" in content)) return null;
  const lineOf = (key?: string | number): number => {
    const node: unknown = document.getIn(key === undefined ? ["names"] : ["names", key], true);
    const range = (node as { range?: readonly number[] | null } | undefined)?.range;
    return range?.[0] === undefined ? 1 : lines.linePos(range[0]).line;
  };
  const { names } = content;
  if (typeof names !== "object" || names === null)
    throw fileError(file, `line ${lineOf()}: names must be a list, or a map from number to name`);
  const out = new Map<number, string>();
  for (const [key, name] of Object.entries(names)) {
    if (!/^\d{1,9}$/.test(key))
      throw fileError(file, `line ${lineOf(key)}: names: ${key} is no class number`);
    const given = typeof name === "number" ? String(name) : name;
    out.set(
      Number(key),
      checked(file, () => lineOf(Number(key)), given),
    );
  }
  return out;
}

function listedNames(file: string, text: string): Map<number, string> {
  const rows = text.trimEnd().split(/\r?\n/);
  return new Map(rows.map((row, k) => [k, checked(file, () => k + 1, row.trim())]));
}

/** `line` is asked for a fault alone: to find it means to go through the file. */
function checked(file: string, line: () => number, name: unknown): string {
  const kept = keptName.safeParse(name);
  if (kept.success) return kept.data;
  throw fileError(file, `line ${line()}: ${z.prettifyError(kept.error).replaceAll(/\s+/g, " ")}`);
}
