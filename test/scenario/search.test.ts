import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { ProjectScope } from "../../src/db/queries/scope.ts";
import { decodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { getTunedVersion } from "../../src/db/queries/versions.ts";
import { fineTunes } from "../../src/db/schema/index.ts";
import type { FineTuneProgress } from "../../src/domain/fine-tune.ts";
import { decodeRle } from "../../src/imaging/rle.ts";
import { iou } from "../../src/imaging/metrics.ts";
import { plainFocus } from "../../src/domain/focus.ts";
import { selectAnnotatedImages } from "../../src/db/queries/annotated-images.ts";
import { runFineTune } from "../../src/jobs/fine-tune/run.ts";
import { mostPoints } from "../../src/training/points/choose-head.ts";
import { eq } from "../../src/db/drizzle.ts";
import { newFineTune, newProject } from "../training/project.ts";
import { addRings, type Bench, eventsOf, openBench } from "../worlds/trainer.ts";

// Searches, twice; on a busy machine that takes minutes.
vi.setConfig({ testTimeout: 600_000 });

let bench: Bench;
let scope: ProjectScope;
beforeAll(async () => {
  bench = await openBench();
  scope = await newProject(bench.services.db);
  await addRings(bench, scope, 6);
});
afterAll(async () => {
  await bench.close();
});

const never = new AbortController().signal;
/** Enough for two trials of the smallest size. */
const hyperparameters = { budget_seconds: 46, patience: 2, finder: "none", refit: true };

const tensorsOf = async (key: string) => decodeSafetensors(await bench.services.store.get(key)).tensors;

describe("auto", () => {
  it("tries recipes in view, and makes the same version from the same data and seed, bit for bit, through a stop", async () => {
    const { db } = bench.services;
    const id = await newFineTune(db, scope, { hyperparameters });
    await runFineTune(bench.trainer, id, never);
    const version = await getTunedVersion(db, scope, 1);
    const { trials } = version.metrics;
    const events = await eventsOf(db, scope, id);
    const told = events.filter(({ data }) => data && "trial" in data);
    expect(trials?.length).toBeGreaterThanOrEqual(2);
    expect(told.map(({ data }) => data)).toEqual(
      trials?.map(({ trial, rung, zoom, loss, learningRate, turns, samples, meanIou }) => ({
        trial,
        rung,
        zoom,
        loss,
        learning_rate: learningRate,
        turns,
        samples,
        mean_iou: meanIou,
      })),
    );
    const best = trials?.filter(({ rung }) => rung === "zoom").map(({ meanIou }) => meanIou) ?? [];
    const chosen = trials?.find(({ zoom }) => JSON.stringify(zoom) === JSON.stringify(version.focus.zoom));
    // Each of at most two closer looks has to bring .01 more than the one before.
    expect(chosen?.meanIou).toBeGreaterThan(Math.max(...best) - 0.02 - 1e-9);
    expect(version.metrics.heldOut.tuned.meanIou).toBeGreaterThan(version.metrics.heldOut.base.meanIou);
    // Nobody asked for anything else, so its answers are quick by count; how quick they are was measured.
    expect(version.hyperparameters["serving"]).toBe("interactive");
    expect(version.focus.zoom?.tiles ?? 1).toBe(1);
    const { serving, latency } = version.metrics;
    expect(serving?.asked).toBe("interactive");
    for (const kind of ["box", "click"] as const) {
      expect(serving?.counted[kind].warm).toBeLessThanOrEqual(1.5);
      expect(serving?.counted[kind].encodes).toBe(version.focus.zoom ? 1 : 0);
      expect(latency?.[kind].encodes).toBeLessThanOrEqual(1);
      expect(latency?.[kind].ratio).toBeCloseTo(
        (latency?.[kind].warmMs ?? 0) / (latency?.[kind].baseWarmMs ?? 0),
        1,
      );
      expect(latency?.[kind].coldMs).toBeGreaterThan(0);
    }
    const timed = events.filter(({ data }) => data && "box_warm_ms" in data);
    expect(timed.map(({ data }) => data?.["box_warm_ms"])).toEqual([latency?.box.warmMs]);

    // All six images trained it once more; what was measured is of its twin, which stays.
    const { refit } = version;
    expect(refit).toMatchObject({ images: 6, annotations: 6 });
    expect(refit?.twin.weightsSha256).not.toBe(version.weightsSha256);
    const learnt = events.find(({ data }) => data && "seen_mean_iou" in data);
    expect(learnt?.data?.["unseen_mean_iou"]).toBeGreaterThan(version.metrics.heldOut.base.meanIou);
    expect(learnt?.data?.["seen_mean_iou"]).toBeGreaterThanOrEqual(
      learnt?.data?.["unseen_mean_iou"] as number,
    );

    // Another project of the same workspace shares the embeddings; nothing else. Its trainer stops once it has chosen.
    const other = await newProject(db, scope.workspaceId);
    await addRings(bench, other, 6);
    const again = await newFineTune(db, other, { hyperparameters });
    const stopped = new AbortController();
    const dying = runFineTune(bench.trainer, again, stopped.signal).catch(() => "stopped");
    const progress: FineTuneProgress[] = [];
    await vi.waitFor(
      async () => {
        const [row] = await db.select().from(fineTunes).where(eq(fineTunes.id, again));
        if (row?.progress?.phase === "search") progress.push(row.progress);
        expect(row?.chosen).not.toBeNull();
      },
      { timeout: 300_000, interval: 50 },
    );
    stopped.abort(new Error("the trainer stops"));
    expect(await dying).toBe("stopped");
    // How far the search is, is known from its beginning, and so is about when all will be done.
    const shares = progress.map(({ done, total }) => done / total);
    expect(shares.length).toBeGreaterThan(3);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares.at(-1)).toBeGreaterThan(0.5);
    expect(progress.filter(({ etaSeconds }) => etaSeconds === null || etaSeconds <= 0)).toEqual([]);
    await runFineTune(bench.trainer, again, never);

    const twin = await getTunedVersion(db, other, 1);
    // The files name their projects; the tensors are the same to the last bit.
    expect(await tensorsOf(twin.weightsKey)).toEqual(await tensorsOf(version.weightsKey));
    expect(twin.focus).toEqual(version.focus);
    expect(await tensorsOf(twin.refit?.twin.weightsKey ?? "")).toEqual(
      await tensorsOf(version.refit?.twin.weightsKey ?? ""),
    );
    expect(twin.metrics.trials).toEqual(trials);
    // The second attempt took what the first had chosen.
    const tried = (await eventsOf(db, other, again)).filter(({ data }) => data && "trial" in data);
    expect(tried).toHaveLength(trials?.length ?? 0);

    // What is held out has trained the version: who starts from it starts from its twin, and is compared with that.
    const next = await newFineTune(db, scope, {
      hyperparameters: { epochs: 1, refine: "none", zoom: "none", finder: "none" },
      baseVersion: 1,
    });
    await runFineTune(bench.trainer, next, never);
    const child = await getTunedVersion(db, scope, 2);
    expect(child.metrics.heldOut.parent).toEqual(version.metrics.heldOut.tuned);
    expect(child.refit).toBeNull();
  });
});

describe("a zoom and a way to sharpen masks that were asked for", () => {
  const filter = { radius: 4, epsilon: 1e-3, threshold: 0.5 };
  const head = {
    point_head: {
      hidden: expect.any(Number),
      weights: expect.any(String),
      most_points: mostPoints,
      score_shift: expect.any(Number),
    },
  };
  it.each([
    ["a filter", { refine: filter, kept: filter }],
    ["a point head", { refine: "points", kept: head }],
  ])(
    "stand in the version, and predict honours them, as %s: its masks score what it says",
    async (_, how) => {
      const { db, store, inference } = bench.services;
      const own = await newProject(db, scope.workspaceId);
      await addRings(bench, own, 4);
      const zoom = { context: 1.5, tiles: 2 };
      const { refine, kept } = how;
      const id = await newFineTune(db, own, {
        hyperparameters: { epochs: 1, batch_size: 2, learning_rate: 3e-4, zoom, refine },
      });
      await runFineTune(bench.trainer, id, never);
      const version = await getTunedVersion(db, own, 1);
      expect(version.focus).toEqual({ zoom: { ...zoom, click_side: expect.any(Number) }, refine: kept });
      // Tiles that are asked for make the best masks, not the quickest.
      expect(version.metrics.serving).toMatchObject({ asked: "best", givenUp: null });
      expect(version.metrics.latency?.box.encodes).toBe(4);
      expect(version.metrics.latency?.click.encodes).toBeGreaterThanOrEqual(4);
      expect(version.metrics.latency?.box.coldMs).toBeGreaterThan(version.metrics.latency?.box.warmMs ?? 0);
      const rows = await selectAnnotatedImages(db, own);
      const alone: number[] = [];
      for (const { annotationId, tunedIou } of version.metrics.perAnnotation) {
        const found = rows.find(({ annotation }) => annotation.id === annotationId);
        if (!found) throw new Error("a held-out annotation is gone");
        const { image, annotation } = found;
        const result = await inference.predict({
          workspaceId: own.workspaceId,
          baseModel: "mobile_sam",
          image: { sha256: image.sha256, bytes: async () => store.get(image.objectKey) },
          versions: [version, { ...version, focus: plainFocus }],
          prompts: [{ box: annotation.box }],
          multimask: false,
          format: "rle",
        });
        const [served, bare] = result.results.map(({ predictions }) => {
          const answer = predictions[0]?.masks[0]?.mask;
          if (answer?.format !== "rle") throw new Error("no mask came");
          const truth = decodeRle({ format: "rle", size: answer.size, counts: annotation.counts });
          return iou(decodeRle(answer), truth);
        });
        expect(served).toBe(tunedIou);
        alone.push(bare as number);
      }
      const { tuned, decoderAlone } = version.metrics.heldOut;
      expect(decoderAlone?.meanIou).toBeCloseTo(alone.reduce((a, b) => a + b) / alone.length, 12);
      expect(decoderAlone?.meanIou).not.toBe(tuned.meanIou);
    },
  );
});
