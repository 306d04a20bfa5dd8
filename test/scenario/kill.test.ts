import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { listPromotions } from "../../src/db/queries/promotions.ts";
import { getTunedVersion, listVersions } from "../../src/db/queries/versions.ts";
import { quickProgram } from "../helpers/programs.ts";
import { newFineTune, newProject } from "../training/project.ts";
import { addRings, type Bench, openBench, valuesOf, waitFor } from "../worlds/trainer.ts";

let bench: Bench;
const children: ChildProcess[] = [];
beforeAll(async () => {
  bench = await openBench();
});
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await bench.close();
});

/** `npm run trainer` on the bench's database and objects. */
function startTrainerProcess(): ChildProcess {
  const { DATA_DIR } = bench.config;
  const child = spawn(process.execPath, [resolve(import.meta.dirname, "../../src/main/trainer.ts")], {
    env: {
      ...process.env,
      NODE_OPTIONS: quickProgram,
      DATABASE_URL: bench.url,
      DATA_DIR,
      LOG_LEVEL: "error",
      CHECKPOINT_SECONDS: "0",
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  children.push(child);
  return child;
}

it("a trainer killed in mid-training: another one goes on from its last epoch, and the same version comes of it", async () => {
  const { db } = bench.services;
  const scope = await newProject(db);
  await addRings(bench, scope, 5);
  const doomed = startTrainerProcess();
  // By plain SQL's means: the row is the event.
  const hyperparameters = { epochs: 4, batch_size: 2, refine: "none" };
  const id = await newFineTune(db, scope, { hyperparameters });
  await waitFor(bench, scope, id, (_row, events) => events.some(({ data }) => data["epoch"] === 2));
  doomed.kill("SIGKILL");
  await once(doomed, "exit");

  startTrainerProcess();
  const { row, events } = await waitFor(bench, scope, id);
  expect(row).toMatchObject({ status: "succeeded", attempt: 2, resultVersion: 1 });
  expect((await listVersions(db, scope, { limit: 10 })).rows).toHaveLength(1);
  expect((await listPromotions(db, scope, { limit: 10 })).rows.length).toBeLessThanOrEqual(1);
  const said = events.map((event) => event.message);
  expect(said.filter((message) => message.startsWith("Attempt 2"))).toEqual([
    expect.stringMatching(/^Attempt 2: goes on after epoch [1-3]$/),
  ]);
  expect(events.filter(({ data }) => data["epoch"] === 0)).toHaveLength(1);
  expect(said.filter((message) => message.startsWith("Version 1 is registered"))).toHaveLength(1);

  const through = await newFineTune(db, scope, { hyperparameters });
  await waitFor(bench, scope, through);
  const [resumed, whole] = [await getTunedVersion(db, scope, 1), await getTunedVersion(db, scope, 2)];
  expect(await valuesOf(bench, resumed)).toBe(await valuesOf(bench, whole));
  expect(resumed.metrics.curve).toEqual(whole.metrics.curve);
}, 300_000);
