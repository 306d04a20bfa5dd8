import { eq } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import { decodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { getFineTune } from "../../src/db/queries/fine-tunes.ts";
import { changeProject, getProject } from "../../src/db/queries/projects.ts";
import type { ProjectScope } from "../../src/db/queries/scope.ts";
import { listPromotions } from "../../src/db/queries/promotions.ts";
import { getTunedVersion, type TunedVersion, type Version } from "../../src/db/queries/versions.ts";
import { fineTunes } from "../../src/db/schema/index.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { keys } from "../../src/storage/keys.ts";
import { differencesOf } from "../../src/jobs/reproduce/differences.ts";
import { reproduceVersion } from "../../src/jobs/reproduce/reproduce.ts";
import { runFineTune } from "../../src/jobs/fine-tune/run.ts";
import { keysBelow } from "../helpers/objects.ts";
import { newFineTune, newProject } from "../training/project.ts";
import { addRings, type Bench, eventsOf, openBench } from "../worlds/trainer.ts";

// Each of these trains; on a busy machine that takes minutes.
vi.setConfig({ testTimeout: 300_000 });

let bench: Bench;
/** Ten rings: 6 train, 1 or 2 choose, 3 or 2 are held out. */
let scope: ProjectScope;
beforeAll(async () => {
  bench = await openBench();
  scope = await newProject(bench.services.db);
  await addRings(bench, scope, 10);
});
afterAll(async () => {
  await bench.close();
});

const short = { epochs: 8, learning_rate: 3e-4, batch_size: 2 };
const never = new AbortController().signal;

async function tensorsOf(version: Version) {
  return decodeSafetensors(await bench.services.store.get(version.weightsKey));
}

const shown = ({ metrics: { pictures, ...rest } }: TunedVersion) => ({
  ...rest,
  latency: "measured",
  pictures: pictures?.map(({ kind, sha256: hash }) => ({ kind, hash })),
});

describe("a fine-tune", () => {
  it("ends with a version that is better than the base on images it never saw, and live", async () => {
    const { db, store } = bench.services;
    const id = await newFineTune(db, scope, { hyperparameters: short });
    await runFineTune(bench.trainer, id, never);

    const row = await getFineTune(db, scope, id);
    expect(row).toMatchObject({ status: "succeeded", resultVersion: 1, engine: "compiled", error: null });
    expect(row.progress).toMatchObject({ phase: "register", done: 1, etaSeconds: 0 });

    const version = await getTunedVersion(db, scope, 1);
    const { metrics } = version;
    expect(metrics.heldOut.tuned.meanIou).toBeGreaterThan(metrics.heldOut.base.meanIou + 0.1);
    expect(metrics.heldOut.decoderAlone).toEqual(metrics.heldOut.tuned);
    expect(metrics.split).toEqual({ train: 5, selection: 2, heldOut: 3, nearDuplicates: 0 });
    expect(metrics.perAnnotation).toHaveLength(metrics.heldOut.annotations);
    // It ends early where `patience` epochs brought nothing better.
    const last = Math.min(short.epochs, metrics.bestEpoch + 4);
    expect(metrics.curve.map((point) => point.epoch)).toEqual([...Array(last + 1).keys()]);
    expect(metrics.evaluation?.prompts.map((prompt) => [prompt.kind, prompt.annotations])).toEqual([
      ["box", 3],
      ["jittered_box", 3],
      ["one_click", 3],
      ["three_clicks", 3],
      ["click_refine", 3],
    ]);
    const [box] = metrics.evaluation?.prompts ?? [];
    expect(box?.base).toMatchObject(metrics.heldOut.base);
    expect(box?.tuned).toMatchObject(metrics.heldOut.tuned);
    expect(box?.gain.iou.low).toBeGreaterThan(0);
    expect(metrics.gate).toMatchObject({ policy: "auto", promote: true });
    const best = metrics.curve.find((point) => point.epoch === metrics.bestEpoch);
    expect(best?.selectionIou).toBe(Math.max(...metrics.curve.map((point) => point.selectionIou)));
    expect(version.hyperparameters).toMatchObject({ ...short, loss: "dice_bce", patience: 4 });

    expect(metrics.pictures?.map(({ kind }) => kind)).toEqual(["best", "median", "worst"]);
    for (const picture of metrics.pictures ?? [])
      expect(sha256(await store.get(picture.key))).toBe(picture.sha256);
    expect((await keysBelow(store, keys.picturePrefix(scope.projectId, id))).sort()).toEqual(
      metrics.pictures?.map(({ key }) => key),
    );

    const file = await store.get(version.weightsKey);
    expect(sha256(file)).toBe(version.weightsSha256);
    expect((await tensorsOf(version)).metadata).toMatchObject({ project: scope.projectId, fine_tune: id });
    const snapshot = await store.get(version.snapshotKey);
    expect(sha256(snapshot)).toBe(version.snapshotHash);
    expect(row.snapshotHash).toBe(version.snapshotHash);

    expect((await getProject(db, scope)).activeVersion).toBe(1);
    expect((await listPromotions(db, scope, { limit: 10 })).rows).toMatchObject([
      { kind: "auto", actor: id, fromVersion: null, toVersion: 1 },
    ]);
  });

  it("moves what it trains and leaves the prompt encoder as it was", async () => {
    const base = await baseModel("mobile_sam").decoderWeights();
    const { tensors } = await tensorsOf(await getTunedVersion(bench.services.db, scope, 1));
    const moved = Object.keys(base).filter(
      (name) => !Buffer.from(base[name]!.data.buffer).equals(Buffer.from(tensors[name]!.data.buffer)),
    );
    expect(moved.filter((name) => name.startsWith("prompt_encoder."))).toEqual([]);
    expect(moved).toContain("mask_decoder.output_hypernetworks_mlps.0.layers.0.weight");
    expect(moved.length).toBeGreaterThan(80);
  });

  it("tells its story in events", async () => {
    const { db } = bench.services;
    const { fineTuneId } = await getTunedVersion(db, scope, 1);
    const events = await eventsOf(db, scope, fineTuneId);
    const epochs = events.filter((event) => "epoch" in event.data);
    expect(epochs.map((event) => event.data["epoch"])).toEqual([...epochs.keys()]);
    expect(epochs.length).toBeGreaterThan(4);
    for (const { type, data } of epochs.slice(1)) {
      expect(type).toBe("metrics");
      expect(data["train_loss"]).toBeGreaterThan(0);
      expect(data["learning_rate"]).toBeGreaterThan(0);
      expect(data["epoch_seconds"]).toBeGreaterThan(0);
      expect(data["selection_iou_low"]).toBeLessThan(data["selection_iou"] as number);
      expect(data["selection_iou_high"]).toBeGreaterThan(data["selection_iou"] as number);
    }
    expect(events[0]?.data["split"]).toEqual({ train: 5, selection: 2, held_out: 3 });
    // What callers see is in snake_case, however deep.
    expect(JSON.stringify(events.map((event) => event.data))).not.toMatch(/"[a-z]+[A-Z]\w*":/);
    const said = events.map((event) => event.message);
    expect(said[0]).toMatch(/^10 annotated images, 10 annotations: 5 train, 2 choose the epoch, 3 are held/);
    expect(said.find((message) => message.startsWith("Untuned: mean IoU"))).toBeDefined();
    expect(said.at(-1)).toMatch(/^Version 1 is registered and live: held-out mean IoU/);
  });

  it("gives the same weights again for the same data and seed, and others for another seed", async () => {
    const { db } = bench.services;
    const other = await newProject(db, scope.workspaceId);
    await addRings(bench, other, 5);
    await changeProject(db, other, { promotionPolicy: "manual" });
    const hyperparameters = { ...short, epochs: 1, refine: "none" };
    for (const seed of [7, 7, 8]) {
      const id = await newFineTune(db, other, { hyperparameters, seed });
      await runFineTune(bench.trainer, id, never);
    }
    const weights = await Promise.all(
      [1, 2, 3].map(async (number) => {
        const { tensors } = await tensorsOf(await getTunedVersion(db, other, number));
        return sha256(Buffer.concat(Object.values(tensors).map(({ data }) => Buffer.from(data.buffer))));
      }),
    );
    expect(weights[1]).toBe(weights[0]);
    expect(weights[2]).not.toBe(weights[0]);
    const [first, second] = [await getTunedVersion(db, other, 1), await getTunedVersion(db, other, 2)];
    // Pictures lie under their fine-tune's name; what they show is the same.
    expect(shown(second)).toEqual(shown(first));
    // However good they are, a person promotes them.
    expect(first.metrics.gate).toMatchObject({ policy: "manual", promote: false });
    expect((await getProject(db, other)).activeVersion).toBeNull();
  });

  it("starts from the version that it is told to, and goes live where the project lets all", async () => {
    const { db } = bench.services;
    await changeProject(db, scope, { promotionPolicy: "always" });
    const id = await newFineTune(db, scope, {
      hyperparameters: { ...short, epochs: 1, learning_rate: 1e-6, refine: "none" },
      baseVersion: 1,
    });
    await runFineTune(bench.trainer, id, never);
    const [first, second] = [await getTunedVersion(db, scope, 1), await getTunedVersion(db, scope, 2)];
    expect(second.parentVersion).toBe(1);
    const best = Math.max(...first.metrics.curve.map((point) => point.selectionIou));
    expect(second.metrics.curve[0]?.selectionIou).toBeCloseTo(best, 3);
    // Judged on the same images as its parent, and beside it.
    expect(second.metrics.heldOut.base).toEqual(first.metrics.heldOut.base);
    expect(second.metrics.gate).toMatchObject({ policy: "always", promote: true });
    expect((await getProject(db, scope)).activeVersion).toBe(2);
    expect(second.metrics.heldOut.parent).toEqual(first.metrics.heldOut.tuned);
    expect(first.metrics.heldOut.parent).toBeUndefined();
    // It set out from its parent's weights, not from the base's.
    const [base, from, to] = [
      await baseModel("mobile_sam").decoderWeights(),
      (await tensorsOf(first)).tensors,
      (await tensorsOf(second)).tensors,
    ];
    const name = "mask_decoder.output_hypernetworks_mlps.0.layers.0.weight";
    const far = (a: NamedTensors, b: NamedTensors): number =>
      Math.hypot(...a[name]!.data.map((value, i) => value - b[name]!.data[i]!));
    expect(far(to, from)).toBeLessThan(far(to, base) / 20);
  });

  it("is made again in another installation, from its data, seed and start, bit for bit", async () => {
    const other = await openBench();
    try {
      const { services: from } = bench;
      const asked = { scope, number: 2, signal: never };
      expect(await reproduceVersion(from, other.trainer, asked)).toEqual({
        version: 2,
        same: true,
        differences: [],
      });
      const again = await getTunedVersion(other.services.db, scope, 2);
      expect(shown(again)).toEqual(shown(await getTunedVersion(from.db, scope, 2)));
      expect(differencesOf(await getTunedVersion(from.db, scope, 1), again).map(({ what }) => what)).toEqual([
        "weights",
        "judged_weights",
        "hyperparameters",
        "scores",
      ]);

      const id = again.fineTuneId;
      await from.db.update(fineTunes).set({ stopRequestedAt: new Date() }).where(eq(fineTunes.id, id));
      await expect(reproduceVersion(from, other.trainer, asked)).rejects.toMatchObject({
        code: "version_not_usable",
        message: expect.stringContaining("stopped by hand"),
      });
    } finally {
      await other.close();
    }
  });
});
