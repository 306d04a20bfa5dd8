import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eq } from "../../src/db/drizzle.ts";
import type { ProjectScope } from "../../src/db/queries/scope.ts";
import { getTunedVersion, type TunedVersion } from "../../src/db/queries/versions.ts";
import { versions } from "../../src/db/schema/index.ts";
import { runFineTune } from "../../src/jobs/fine-tune/run.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { newFineTune, newProject } from "../training/project.ts";
import { addSam2Model, sam2Name } from "../worlds/sam2-model.ts";
import { addRings, type Bench, openBench } from "../worlds/trainer.ts";

/*
 * One small version of each kind, trained on drawn rings, and made again by the command that an operator has:
 * `npm run test:nightly`, or some of them by `-- -t tiles`.
 */

interface Kind {
  readonly name: string;
  readonly baseModel?: string;
  readonly hyperparameters: Record<string, unknown>;
  /** What makes it one of this kind. */
  readonly is: (version: TunedVersion) => boolean;
}

/** One pass over two or three samples; what is not named is left out. */
const short = { epochs: 1, learning_rate: 3e-4, batch_size: 2, finder: "none", refine: "none", refit: false };
const seen = { context: 2, tiles: 1 };

const kinds: readonly Kind[] = [
  {
    name: "decoder",
    hyperparameters: { ...short, zoom: "none" },
    is: ({ focus, finder, refit }) => focus.zoom === null && focus.refine === null && !finder && !refit,
  },
  {
    name: "head",
    hyperparameters: { ...short, zoom: "none", refine: "points" },
    is: ({ focus: { refine } }) => refine !== null && "point_head" in refine,
  },
  {
    name: "window",
    hyperparameters: { ...short, zoom: seen },
    is: ({ focus: { zoom } }) => zoom?.tiles === 1,
  },
  {
    name: "tiles",
    hyperparameters: { ...short, zoom: { ...seen, tiles: 2 } },
    is: ({ focus: { zoom } }) => zoom?.tiles === 2,
  },
  {
    name: "finder",
    hyperparameters: { ...short, zoom: "none", finder: 40 },
    is: ({ finder }) => finder !== null,
  },
  {
    name: "refit",
    hyperparameters: { ...short, zoom: seen, refit: true },
    is: ({ refit }) => refit !== null,
  },
  {
    name: "SAM 2",
    baseModel: sam2Name,
    hyperparameters: { ...short, zoom: "none" },
    is: ({ baseModel }) => baseModel === sam2Name,
  },
];

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
  await addSam2Model(bench.services.store);
});
afterAll(() => bench?.close());

/** What `npm run operate -- reproduce` ends with, and what it says. */
async function operate({ projectId }: ProjectScope): Promise<{ code: number; said: string }> {
  const file = join(import.meta.dirname, "../../src/main/operate.ts");
  const { DATA_DIR, DATABASE_URL } = bench.config;
  const env = { ...process.env, DATA_DIR, DATABASE_URL, LOG_LEVEL: "warn" };
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [file, "reproduce", projectId, "1"], {
      env,
    });
    return { code: 0, said: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, said: stdout + stderr };
  }
}

describe("a version is the same again, bit for bit", () => {
  it.each(kinds)("$name", async ({ baseModel, hyperparameters, is }) => {
    const { db } = bench.services;
    const scope = await newProject(db, undefined, baseModel);
    await addRings(bench, scope, 5);
    const id = await newFineTune(db, scope, { hyperparameters, seed: 5 });
    await runFineTune(bench.trainer, id, new AbortController().signal);
    expect(is(await getTunedVersion(db, scope, 1))).toBe(true);
    expect(await operate(scope)).toMatchObject({
      code: 0,
      said: expect.stringContaining("Version 1 is the same again, bit for bit"),
    });
  });

  it("and one that was exchanged is told", async () => {
    const { db } = bench.services;
    const scope = await newProject(db);
    await addRings(bench, scope, 3);
    const id = await newFineTune(db, scope, { hyperparameters: { ...short, zoom: "none" } });
    await runFineTune(bench.trainer, id, new AbortController().signal);
    await db
      .update(versions)
      .set({ weightsSha256: sha256("another's") })
      .where(eq(versions.projectId, scope.projectId));
    const { code, said } = await operate(scope);
    expect(code).not.toBe(0);
    expect(said).toContain("version 1 came out another: weights");
  });
});
