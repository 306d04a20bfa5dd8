import { readFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { describe, expect, it } from "vitest";
import { migrate } from "../../src/db/migrate.ts";
import { emptyDatabase } from "../helpers/database.ts";
import { migrateTo, OldConnection, type Outcome, type Recording } from "../worlds/old-connection.ts";

const file = join(import.meta.dirname, "reference/previous-release.json");
const recording = JSON.parse(readFileSync(file, "utf8")) as Recording;

type Change = (url: string) => Promise<unknown>;
const nothing: Change = () => Promise.resolve();

/** Lets the release go through its story; its schema changes before it connects, and again under its open connection. */
async function outcomes(before: Change, under: Change): Promise<Outcome[]> {
  const database = await emptyDatabase();
  try {
    await migrateTo(database.url, recording.migration);
    await before(database.url);
    const old = new OldConnection(database.url, recording);
    try {
      await old.prepare();
      await under(database.url);
      return await old.run();
    } finally {
      await old.close();
    }
  } finally {
    await database.close();
  }
}

const statementOf = (run: number): string => recording.statements[recording.runs[run]?.[0] ?? -1] ?? "";
/** With their SQL, so that a failure says what broke. */
const told = (all: readonly Outcome[]): object[] =>
  all.map((outcome, run) => ({ sql: statementOf(run), ...outcome }));
/** Rows that the statements with this text wrote or gave. */
const rowsOf = (all: readonly Outcome[], text: string): number =>
  all.reduce(
    (sum, outcome, run) => sum + ("rows" in outcome && statementOf(run).includes(text) ? outcome.rows : 0),
    0,
  );

describe(`the programs of ${recording.commit}, which know migrations up to ${recording.migration}`, async () => {
  const own = await outcomes(nothing, nothing);

  it("go through a whole story on their own schema", () => {
    expect(own.filter((outcome) => "error" in outcome)).toEqual([]);
    const written = "projects images annotations imports predictions fine_tunes versions promotions";
    for (const table of [...written.split(" "), "fine_tune_events"])
      expect([table, rowsOf(own, `insert into "${table}"`) > 0]).toEqual([table, true]);
    for (const table of ["projects", "images", "annotations"])
      expect([table, rowsOf(own, `delete from "${table}"`)]).toEqual([table, 1]);
    // Jobs that were held: their leases are those of the replay.
    for (const table of ["imports", "fine_tunes"])
      expect([table, rowsOf(own, `"${table}"."lease_token" = $`) > 1]).toEqual([table, true]);
  });

  it("get the same answers on the newest schema", async () => {
    expect(told(await outcomes(migrate, nothing))).toEqual(told(own));
  });

  it("get them when it changes under their open connection, with what they have prepared", async () => {
    expect(told(await outcomes(nothing, migrate))).toEqual(told(own));
  });

  it("would be seen to fail on a lost column, one that they don't fill, and another type", async () => {
    const contract: Change = async (url) => {
      const admin = postgres(url, { max: 1 });
      await admin`alter table fine_tunes drop column engine`;
      await admin`alter table images add column camera text not null`;
      await admin`alter table projects alter column name type varchar(200)`;
      await admin.end();
    };
    const codes = (await outcomes(nothing, contract)).flatMap((one) =>
      "error" in one ? [one.error.slice(0, 5)] : [],
    );
    expect([...new Set(codes)]).toEqual(expect.arrayContaining(["42703", "23502", "0A000"]));
  });
});
