import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parseSync } from "oxc-parser";

export const src = resolve(import.meta.dirname, "../../src");

/** One import of a file; `to` is a path, or a package's name. */
export interface Import {
  from: string;
  to: string;
  /** False for `import type`, which is gone at run time. */
  runs: boolean;
}

/** All of src. */
export const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name) && !name.endsWith(".d.ts"))
  .map((name) => join(src, name));

/** Every file is parsed once. */
const read = new Map<string, readonly Import[]>();

/** Static, re-exported and dynamic ones; a dynamic one counts where its text is plain. */
export function importsOf(file: string): readonly Import[] {
  const known = read.get(file);
  if (known) return known;
  const { module, errors } = parseSync(file, readFileSync(file, "utf8"));
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  const found: Import[] = [];
  const add = (specifier: string, runs: boolean): void => {
    const to = specifier.startsWith(".") ? resolve(dirname(file), specifier) : specifier;
    found.push({ from: file, to, runs });
  };
  for (const entry of module.staticImports) {
    add(entry.moduleRequest.value, entry.entries.length === 0 || entry.entries.some((name) => !name.isType));
  }
  for (const entry of module.staticExports.flatMap((statement) => statement.entries)) {
    if (entry.moduleRequest) add(entry.moduleRequest.value, !entry.isType);
  }
  const source = readFileSync(file, "utf8");
  for (const entry of module.dynamicImports) {
    const text = source.slice(entry.moduleRequest.start, entry.moduleRequest.end);
    if (/^["'`][^$]*["'`]$/.test(text)) add(text.slice(1, -1), true);
  }
  read.set(file, found);
  return found;
}

export const imports = files.flatMap(importsOf);
/** The folder of src, or the file that stands directly in it. */
export const placeOf = (file: string): string => relative(src, file).split("/")[0] ?? "";
export const show = (file: string): string => (file.startsWith(src) ? relative(src, file) : file);

/** Everything that loads when `entry` does. */
export function closure(entry: string): Set<string> {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const next of imports) if (next.from === file && next.runs) visit(next.to);
  };
  visit(join(src, entry));
  return seen;
}
