import { LineCounter, parseDocument } from "yaml";
import { AppError } from "../../lib/errors.ts";
import { labelOf } from "../plan.ts";
import { fileError } from "../problems.ts";
import type { FormatContext } from "../types.ts";

/** A list of names is short; more is no list of names. */
const maxBytes = 1024 ** 2;

/** Names of YOLO's classes by their numbers, and the file that says them. */
export interface ClassNames {
  readonly file: string;
  readonly names: ReadonlyMap<number, string>;
  /** Whether lines hold key points, as `kpt_shape` says. */
  readonly pose: boolean;
}

/**
 * Every list of YOLO's classes in the zip: `names` of a YAML file, a list or a map; classes.txt, obj.names and the like, one
 * name a line; `categories` of Label Studio's notes.json. Other keys of the YAML are passed over: the folders say where
 * images lie. A file that can't be read is told and left out.
 */
export async function classNames(context: FormatContext): Promise<ClassNames[]> {
  const { zip, report, claim } = context;
  const found: ClassNames[] = [];
  for (const file of zip.entries.keys()) {
    if (!/\.ya?ml$|(^|\/)(_?classes|obj|labels)\.(txt|names)$|(^|\/)notes\.json$/i.test(file)) continue;
    try {
      const text = await textOf(file, context);
      const read = /\.ya?ml$/i.test(file)
        ? yamlNames(file, text)
        : { names: /\.json$/i.test(file) ? notedNames(text) : listedNames(text), pose: false };
      if (read === null) continue;
      claim(file);
      found.push({ file, ...read });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      claim(file);
      report.leave("entry_invalid", { file, detail: error.message.slice(file.length + 2) });
    }
  }
  return found;
}

async function textOf(file: string, { zip, reading, signal }: FormatContext): Promise<string> {
  reading?.(file);
  const bytes = zip.entries.get(file)?.bytes ?? 0;
  if (bytes > maxBytes) throw fileError(file, `has ${bytes} bytes; ${maxBytes} are the most`);
  return (await zip.read(file, signal)).toString("utf8").replace(/^\uFEFF/, "");
}

/** Null where the file has no `names`. */
function yamlNames(file: string, text: string): { names: Map<number, string>; pose: boolean } | null {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [problem] = document.errors;
  if (problem)
    throw fileError(file, `line ${lines.linePos(problem.pos[0]).line}: ${problem.message}`, problem);
  const content: unknown = document.toJS();
  if (typeof content !== "object" || content === null || !("names" in content)) return null;
  const { names } = content;
  if (typeof names !== "object" || names === null)
    throw fileError(file, "names must be a list, or a map from number to name");
  const out = new Map<number, string>();
  for (const [key, name] of Object.entries(names)) {
    const label = labelOf(name);
    if (!/^\d{1,9}$/.test(key) || label === null)
      throw fileError(file, `names: ${key} is no class number, or its name no text`);
    out.set(Number(key), label);
  }
  return { names: out, pose: "kpt_shape" in content };
}

const listedNames = (text: string): Map<number, string> =>
  new Map(
    text
      .trimEnd()
      .split(/\r?\n/)
      .flatMap((row, k) => {
        const label = labelOf(row);
        return label === null ? [] : [[k, label] as const];
      }),
  );

function notedNames(text: string): Map<number, string> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return new Map();
  }
  const { categories } = (json ?? {}) as { categories?: unknown };
  if (!Array.isArray(categories)) return new Map();
  return new Map(
    categories.flatMap((one: unknown, k) => {
      const { id, name } = (one ?? {}) as { id?: unknown; name?: unknown };
      const label = labelOf(name);
      return label === null ? [] : [[typeof id === "number" ? id : k, label] as const];
    }),
  );
}
