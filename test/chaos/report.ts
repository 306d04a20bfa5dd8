import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Row, Told } from "./types.ts";

/** One round of a row; null where this machine can't make the fault. */
export interface Round extends Pick<Row, "kind" | "name"> {
  readonly round: number;
  readonly seen: string;
  readonly told: Told | null;
  readonly skipped?: string;
}

const head = "| fault | rounds | clean | answers again after, at most | seen |\n|---|---|---|---|---|";

/** A row's rounds of one session as a line of the table. */
export function lineOf(name: string, rounds: readonly Round[]): string {
  const told = rounds.flatMap((round) => round.told ?? []);
  const faulty = told.filter(({ faults }) => faults.length > 0);
  const seconds = told.flatMap((one) => one.seconds ?? []);
  const longest = seconds.length === 0 ? "" : `${Math.max(...seconds).toFixed(1)} s`;
  const clean = `${told.length - faulty.length}${faulty.length > 0 ? " **!**" : ""}`;
  return `| ${name} | ${told.length} | ${clean} | ${longest} | ${rounds.at(-1)?.seen} |`;
}

const file = join(import.meta.dirname, "../../docs/reliability.md");
const [begin, end] = ["<!-- chaos: begin -->", "<!-- chaos: end -->"];

/** Puts the rows that ran into the document's table, where others keep their lines. Throws an Error where it lacks the marks. */
export async function write(rows: readonly Row[], rounds: readonly Round[]): Promise<void> {
  const text = await readFile(file, "utf8");
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file} lacks the marks of chaos`);
  const lines = new Map<string, string>();
  for (const line of text.slice(from, to).split("\n"))
    if (line.startsWith("| ") && !line.startsWith("| fault ")) lines.set(line.split(" | ")[0] ?? "", line);
  for (const { name } of rows) {
    const ran = rounds.filter((round) => round.name === name && round.told !== null);
    if (ran.length > 0) lines.set(`| ${name}`, lineOf(name, ran));
  }
  const told = rows.flatMap(({ name }) => lines.get(`| ${name}`) ?? []);
  const sum = (column: number): number =>
    told.reduce((all, line) => all + Number.parseInt(line.split(" | ")[column] ?? "0", 10), 0);
  const said = `${sum(1)} rounds of ${told.length} of ${rows.length} rows; ${sum(2)} of them clean.`;
  const table = [head, ...told].join("\n");
  await writeFile(file, `${text.slice(0, from)}${begin}\n\n${said}\n\n${table}\n\n${text.slice(to)}`);
}
