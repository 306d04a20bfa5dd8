import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Paths } from "./closed-document.ts";

/** Documented answers that no test got; null where not all of `files` took part, so that nothing can be said. */
export function missingAnswers(folder: string, files: readonly string[]): string[] | null {
  if (!existsSync(join(folder, "seen.txt"))) return null;
  const seen = new Set(readFileSync(join(folder, "seen.txt"), "utf8").split("\n"));
  if (files.some((file) => !seen.has(`file ${file}`))) return null;
  const { paths } = JSON.parse(readFileSync(join(folder, "document.json"), "utf8")) as { paths: Paths };
  const documented = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).flatMap(([method, { responses }]) =>
      Object.keys(responses).map((status) => `${method.toUpperCase()} ${path} ${status}`),
    ),
  );
  return documented.filter((name) => !seen.has(name));
}
