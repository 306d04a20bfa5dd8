/**
 * Records what a release's API and trainer ask of their database, for test/db/previous-release.test.ts:
 *   node tools/reference/previous-release.ts CHECKOUT COMMIT FILE
 * CHECKOUT is that release, its packages installed. It lives through a story on a database of its own schema, and
 * Postgres writes down every statement with its arguments. With `--on-newest` instead of FILE nothing is recorded:
 * the release lives through it on the newest schema, and fails here if it does so.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import postgres from "postgres";
import { startEmbeddedPostgres } from "../../src/db/embedded.ts";
import { migrate } from "../../src/db/migrate.ts";
import { createLog } from "../../src/lib/log.ts";
import { usageOr } from "../../src/main/shared/usage.ts";
import { Releases } from "../../src/lib/releases.ts";
import type { Recording } from "../../test/worlds/old-connection.ts";
import { liveThroughStory } from "./release-story.ts";

/** So often at most the same SQL is kept: polls and heartbeats come by the hundred. */
const mostRuns = 12;
const folder = "maskwright-release-";

/** `npm start` of the release on our database, and its users' story. */
async function runRelease(root: string, url: string, dataDir: string): Promise<void> {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "src/main/local.ts"], {
    cwd: root,
    env: { ...process.env, DATABASE_URL: url, DATA_DIR: dataDir, PORT: "0", CHECKPOINT_SECONDS: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = once(child, "exit");
  try {
    let said = "";
    const up = Promise.withResolvers<void>();
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("Ctrl-C")) up.resolve();
    });
    await Promise.race([up.promise, gone]);
    const api = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
    const key = /mw_[\w-]+/.exec(said)?.[0];
    if (!api || !key) throw new Error(`the release did not start:\n${said}`);
    await liveThroughStory(api, key);
  } finally {
    child.kill("SIGTERM");
    await gone;
  }
}

interface Line {
  readonly dbname?: string;
  readonly message: string;
  readonly detail?: string;
}

async function logged(path: string): Promise<Line[]> {
  const files = (await readdir(path)).filter((name) => name.endsWith(".json")).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(path, name), "utf8")));
  return texts
    .join("")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
}

async function lastMigration(url: string, root: string): Promise<string> {
  const sql = postgres(url, { max: 1 });
  try {
    const [row] = await sql<{ n: number }[]>`select count(*)::int as n from drizzle.__drizzle_migrations`;
    const text = await readFile(join(root, "migrations/meta/_journal.json"), "utf8");
    const { entries } = JSON.parse(text) as { entries: { tag: string }[] };
    const last = entries.at(-1)?.tag;
    if (last === undefined || row?.n !== entries.length) throw new Error("the release did not migrate");
    return last;
  } finally {
    await sql.end();
  }
}

/** Reading and writing of our tables; the queue's own tables are pg-boss's affair, which migrates them itself. */
const kept = (sql: string): boolean =>
  /^\s*(select|insert|update|delete|with)\b/i.test(sql) &&
  /\b(from|into|update)\s+"?[a-z]/i.test(sql) &&
  !/pgboss|__drizzle_migrations|pg_catalog|pg_type|pg_database|pg_listening|advisory_lock|information_schema/i.test(
    sql,
  );

function record(lines: readonly Line[], commit: string, migration: string, recorded_at: string): Recording {
  const statements: string[] = [];
  const runs: [number, ...(string | null)[]][] = [];
  for (const { dbname, message, detail } of lines) {
    const sql = /^(?:statement|execute [^:]+): ([\s\S]+)$/.exec(message)?.[1]?.trim();
    if (dbname !== "maskwright" || sql === undefined || !kept(sql)) continue;
    const found = statements.indexOf(sql);
    const at = found < 0 ? statements.push(sql) - 1 : found;
    if (runs.filter(([statement]) => statement === at).length < mostRuns)
      runs.push([at, ...valuesOf(detail ?? "")]);
  }
  return { commit, migration, recorded_at, statements, runs };
}

/** `Parameters: $1 = 'a''b', $2 = NULL` as Postgres writes them. */
const valuesOf = (detail: string): (string | null)[] =>
  [...detail.matchAll(/\$\d+ = (NULL|'((?:[^']|'')*)')/g)].map(([, all, text]) =>
    all === "NULL" || text === undefined ? null : text.replaceAll("''", "'"),
  );

/** A line for each statement and each run, so that a diff can be read. */
function pack({ statements, runs, ...head }: Recording): string {
  const list = (rows: readonly unknown[]): string =>
    `[\n    ${rows.map((row) => JSON.stringify(row)).join(",\n    ")}\n  ]`;
  const first = Object.entries(head).map(([name, value]) => `  "${name}": ${JSON.stringify(value)},\n`);
  return `{\n${first.join("")}  "statements": ${list(statements)},\n  "runs": ${list(runs)}\n}`;
}

usageOr("usage: node tools/reference/previous-release.ts CHECKOUT COMMIT FILE|--on-newest", {
  options: { "on-newest": { type: "boolean" } },
  words: { least: 2, most: 3 },
});
const [checkout = "", commit = "", target = ""] = process.argv.slice(2);
const releases = new Releases();
try {
  const dataDir = await mkdtemp(join(tmpdir(), folder));
  releases.add("the folder", () => rm(dataDir, { recursive: true, force: true }));
  // A root run starts Postgres as another user, who has to get in.
  await chmod(dataDir, 0o755);
  const settings = {
    fsync: "off",
    logging_collector: "on",
    log_destination: "jsonlog",
    log_statement: "all",
  };
  const log = createLog({ level: "warn", name: "release" });
  const server = await startEmbeddedPostgres({ dataDir, log, settings });
  releases.add("Postgres", () => server.stop());
  if (target === "--on-newest") await migrate(server.url);
  const started = new Date().toISOString();
  await runRelease(resolve(checkout), server.url, join(dataDir, "release"));
  if (target === "--on-newest") process.stdout.write(`${commit} lived through it on the newest schema\n`);
  else {
    const lines = await logged(join(dataDir, "postgres/log"));
    const recording = record(lines, commit, await lastMigration(server.url, resolve(checkout)), started);
    await writeFile(target, `${pack(recording)}\n`);
    process.stdout.write(
      `${recording.statements.length} statements, ${recording.runs.length} runs of them, up to ${recording.migration}\n`,
    );
  }
} finally {
  await releases.release();
}
