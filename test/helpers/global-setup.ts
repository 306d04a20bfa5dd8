import { existsSync } from "node:fs";
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import type { TestProject } from "vitest/node";
import { startEmbeddedPostgres } from "../../src/db/embedded.ts";
import { migrate } from "../../src/db/migrate.ts";
import { createLog } from "../../src/lib/log.ts";
import { Releases } from "../../src/lib/releases.ts";
import { missingAnswers } from "./missing-answers.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** URL of a database that may create others, and the migrated one that they are copied from. */
    postgres: { adminUrl: string; template: string };
    /** Where the answers are noted that tests got: see contract.ts. */
    contractFolder: string;
  }
}

interface Started {
  readonly provided: { postgres: { adminUrl: string; template: string }; contractFolder: string };
  readonly stop: () => Promise<void>;
}

/** What this run has started: several lanes want it, and Vitest may load this file once for each. */
const shared = globalThis as { maskwrightTests?: { started: Promise<Started>; lanes: number } };

/** Once for the whole run, whichever of its lanes comes first: a real Postgres with a migrated template, and the graphs. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const run = (shared.maskwrightTests ??= { started: start(), lanes: 0 });
  run.lanes++;
  const { provided, stop } = await run.started;
  project.provide("postgres", provided.postgres);
  project.provide("contractFolder", provided.contractFolder);
  return async () => {
    if (--run.lanes === 0) await stop();
  };
}

async function start(): Promise<Started> {
  const releases = new Releases();
  try {
    const graphs = await buildGraphs();
    const adminUrl = process.env["TEST_DATABASE_URL"] ?? (await startServer(releases));
    const template = `maskwright_template_${process.pid}`;
    const admin = postgres(adminUrl, { max: 1, onnotice: () => {} });
    releases.add("the template", async () => {
      await admin`drop database if exists ${admin(template)} with (force)`;
      await admin.end();
    });
    await admin`create database ${admin(template)}`;
    const url = new URL(adminUrl);
    url.pathname = template;
    await migrate(url.href);
    const contractFolder = await mkdtemp(join(tmpdir(), "maskwright-contract-"));
    releases.add("the contract's notes", () => rm(contractFolder, { recursive: true, force: true }));
    const embeddings = await mkdtemp(join(tmpdir(), "maskwright-embeddings-"));
    releases.add("the embeddings", () => rm(embeddings, { recursive: true, force: true }));
    // Kept by onnxruntime.cjs, which is loaded before anything can be injected.
    process.env["MASKWRIGHT_TEST_EMBEDDINGS"] = embeddings;
    const stop = async (): Promise<void> => {
      const missing = missingAnswers(contractFolder, await routeTests());
      await releases.release();
      if (missing !== null && missing.length > 0) {
        throw new Error(`Documented answers that no test in test/routes got:\n  ${missing.join("\n  ")}`);
      }
      if (graphs.failure !== undefined) throw graphs.failure;
    };
    return { provided: { postgres: { adminUrl, template }, contractFolder }, stop };
  } catch (error) {
    await releases.release();
    throw error;
  }
}

/** The test files that speak to the API: only where all of them ran is it known what none of them got. */
async function routeTests(): Promise<string[]> {
  const folder = join(import.meta.dirname, "../routes");
  const files: string[] = [];
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (name.endsWith(".test.ts") && (await readFile(path, "utf8")).includes("testApp(")) files.push(path);
  }
  return files;
}

async function startServer(releases: Releases): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), "maskwright-test-"));
  releases.add("the test folder", () => rm(dataDir, { recursive: true, force: true }));
  // A root run starts Postgres as another user, who has to get in.
  await chmod(dataDir, 0o755);
  const server = await startEmbeddedPostgres({
    dataDir,
    log: createLog({ level: "warn", name: "test" }),
    // Nothing in a test database has to outlive a power cut.
    settings: { fsync: "off", synchronous_commit: "off", full_page_writes: "off" },
  });
  releases.add("Postgres", () => server.stop());
  return server.url;
}

/**
 * Records the graphs that are not there yet or are older than their source. A failure is shown at once and fails
 * the run at its end, so that the tests that need no graph still tell something.
 */
async function buildGraphs(): Promise<{ failure?: unknown }> {
  const file = join(import.meta.dirname, "../../src/graphs/build.ts");
  if (!existsSync(file)) return {};
  try {
    const module = (await import(file)) as { buildGraphs?: () => Promise<unknown> };
    await module.buildGraphs?.();
    return {};
  } catch (failure) {
    console.error("The graphs could not be built:", failure);
    return { failure };
  }
}
