import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const folder = join(import.meta.dirname, "../../migrations");

/**
 * What the programs of the release before would trip over while they still run: a table or column that is gone or
 * called otherwise, a column that they don't know and must fill, a type or rule that their rows don't fit.
 */
const contracting: readonly RegExp[] = [
  /\bDROP\s+(TABLE|COLUMN|TYPE|FUNCTION)\b/i,
  /\bRENAME\s+(TO|COLUMN)\b/i,
  /\bALTER\s+COLUMN\s+\S+\s+(SET\s+DATA\s+)?TYPE\b/i,
  /\bALTER\s+COLUMN\s+\S+\s+SET\s+NOT\s+NULL\b/i,
  /\bADD\s+COLUMN\b(?!.*\bDEFAULT\b).*\bNOT\s+NULL\b/i,
];

/** Statements that contract, of one migration; a comment that begins `-- contract:` argues for the one below it. */
export function contractions(migration: string): string[] {
  return migration
    .split("--> statement-breakpoint")
    .filter((statement) => !/^\s*-- contract: \S/m.test(statement))
    .map((statement) => statement.replaceAll(/^\s*--.*$/gm, "").trim())
    .filter((statement) => contracting.some((pattern) => pattern.test(statement.replaceAll(/\s+/g, " "))));
}

describe("migrations", () => {
  const files = readdirSync(folder).filter((file) => file.endsWith(".sql"));

  it.each(files)("only add, so that the programs of the release before go on: %s", (file) => {
    expect(contractions(readFileSync(join(folder, file), "utf8"))).toEqual([]);
  });

  it("are caught when they take something away, unless they say why nobody needs it any more", () => {
    const bad = [
      `ALTER TABLE "a" DROP COLUMN "b";`,
      `ALTER TABLE "a" RENAME COLUMN "b" TO "c";`,
      `ALTER TABLE "a" ALTER COLUMN "b" SET DATA TYPE bigint;`,
      `ALTER TABLE "a" ALTER COLUMN "b" SET NOT NULL;`,
      `ALTER TABLE "a" ADD COLUMN "b" text NOT NULL;`,
    ];
    for (const statement of bad) expect(contractions(statement)).toEqual([statement]);
    expect(contractions(`ALTER TABLE "a" ADD COLUMN "b" text DEFAULT '' NOT NULL;`)).toEqual([]);
    expect(contractions(`-- contract: nothing reads b since 0.2\n${bad[0]}`)).toEqual([]);
  });
});
