import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { TablesOptions } from "./options.ts";
import { tables } from "./tables.ts";

const root = resolve(import.meta.dirname, "../..");
/** The documents that have tables of the benches' figures. */
export const documents = ["README.md", "docs/quality.md", "docs/performance.md"] as const;

const results = (name: string): unknown =>
  JSON.parse(readFileSync(join(root, "bench/results", `${name}.json`), "utf8"));

/**
 * A document with each table between `<!-- bench: NAME -->` and `<!-- end -->` written anew.
 * Throws an Error where a name is none of the tables'.
 */
export function withTables(text: string): string {
  return text.replaceAll(
    /(<!-- bench: ([\w-]+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_all, start: string, name: string, end: string) => {
      const table = tables[name];
      if (!table) throw new Error(`there is no table ${name}`);
      return `${start}\n${table(results)}\n\n${end}`;
    },
  );
}

/** Returns 1 where a document is not what the results give and only --check was asked for. */
export async function main({ check }: TablesOptions): Promise<number> {
  let stale = 0;
  for (const name of documents) {
    const text = readFileSync(join(root, name), "utf8");
    const fresh = withTables(text);
    if (fresh === text) continue;
    stale++;
    process.stdout.write(`${name}: ${check ? "not what bench/results give" : "written"}\n`);
    if (!check) writeFileSync(join(root, name), fresh);
  }
  return check && stale > 0 ? 1 : 0;
}
