import { afterAll, beforeAll, expect, it } from "vitest";
import { fineTuneLeases, previewLeases } from "../../src/db/queries/leases.ts";
import { insertPreview } from "../../src/db/queries/previews.ts";
import { newId } from "../../src/lib/ids.ts";
import { ProcessDied } from "../../src/queue/jobs.ts";
import { giveUpPreview } from "../../src/jobs/preview/run.ts";
import { giveUpFineTune } from "../../src/jobs/fine-tune/run.ts";
import { type Bench, openBench } from "../worlds/trainer.ts";
import { newFineTune, newProject } from "../training/project.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench?.close());

const row = async (table: "fine_tunes" | "fine_tune_previews", id: string) => {
  const { rows } = {
    rows: await bench.services.db.execute(`select status, error from ${table} where id = '${id}'`),
  };
  return rows[0];
};
const died = (doing: string) => ({
  status: "failed",
  error: {
    code: "process_ended_twice",
    message: `The process ended twice while ${doing}. It is not tried again by itself.`,
  },
});

it("a fine-tune and a preview that ended their process twice say what they were about", async () => {
  const { db } = bench.services;
  const scope = await newProject(db);
  const fineTune = await newFineTune(db, scope);
  const claimed = await fineTuneLeases.claim(db, fineTune);
  const lease = { id: fineTune, token: String(claimed?.leaseToken) };
  expect(await fineTuneLeases.note(db, lease, "reading image img_1")).toBe(true);
  await giveUpFineTune(bench.trainer, fineTune, 2, new ProcessDied(2));
  expect(await row("fine_tunes", fineTune)).toEqual(died("reading image img_1"));
  expect(await fineTuneLeases.note(db, lease, "still here")).toBe(false);

  const preview = newId("fpv");
  await insertPreview(db, { ...scope, id: preview, seed: 0 });
  await previewLeases.claim(db, preview);
  await giveUpPreview(bench.trainer, preview, 2, new ProcessDied(2));
  expect(await row("fine_tune_previews", preview)).toEqual(died("beginning with it"));
});

it("one that failed otherwise says so", async () => {
  const { db } = bench.services;
  const id = await newFineTune(db, await newProject(db));
  await giveUpFineTune(bench.trainer, id, 4, new Error("secret"));
  expect(await row("fine_tunes", id)).toEqual({
    status: "failed",
    error: {
      code: "internal_error",
      message: "It failed in each of 4 attempts; the trainer's log says why.",
    },
  });
});
