import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { getTunedVersion } from "../../src/db/queries/versions.ts";
import { selectAnnotatedImages } from "../../src/db/queries/annotated-images.ts";
import { runFineTune } from "../../src/jobs/fine-tune/run.ts";
import { newFineTune, newProject } from "../training/project.ts";
import { addRings, type Bench, eventsOf, openBench } from "../worlds/trainer.ts";

// It trains; on a busy machine that takes minutes.
vi.setConfig({ testTimeout: 900_000, hookTimeout: 300_000 });

// What an encode costs is what this is about.
process.env["MASKWRIGHT_TEST_ENCODER"] = "real";

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench?.close());

it("measures how long answers take, beside the base's, and leaves nothing of the copies that it asked about", async () => {
  const { db, inference } = bench.services;
  const scope = await newProject(db);
  await addRings(bench, scope, 4);
  const forget = vi.spyOn(inference, "forget");
  // A window as small as the ring, which is never all of its image.
  const zoom = { context: 1, tiles: 1 };
  const hyperparameters = { epochs: 1, batch_size: 2, prompts: "box", zoom, refine: "none" };
  const id = await newFineTune(db, scope, { hyperparameters });
  await runFineTune(bench.trainer, id, new AbortController().signal);

  const version = await getTunedVersion(db, scope, 1);
  const { latency, serving } = version.metrics;
  expect(version.hyperparameters["serving"]).toBe("interactive");
  expect(serving).toEqual({
    asked: "interactive",
    counted: { box: { warm: 1, encodes: 1 }, click: { warm: 1, encodes: 1 } },
    givenUp: null,
    interactiveTwin: null,
  });
  for (const of of [latency?.box, latency?.click]) {
    expect(of?.encodes).toBe(1);
    expect(of?.ratio).toBeCloseTo((of?.warmMs ?? 0) / (of?.baseWarmMs ?? 0), 1);
    // A cold answer encodes a window, which no warm one does.
    expect(of?.coldMs).toBeGreaterThan(of?.warmMs ?? 0);
  }
  const told = (await eventsOf(db, scope, id)).find(({ data }) => data && "box_warm_ms" in data);
  expect(told?.data).toMatchObject({
    box_warm_ms: latency?.box.warmMs,
    click_cold_ms: latency?.click.coldMs,
  });
  // Only copies were forgotten: people's own images keep what is encoded of them.
  const own = new Set((await selectAnnotatedImages(db, scope)).map(({ image }) => image.sha256));
  const forgotten = forget.mock.calls.map(([image]) => image.sha256);
  expect(forgotten.length).toBeGreaterThan(0);
  expect(forgotten.filter((sha256) => own.has(sha256))).toEqual([]);
});
