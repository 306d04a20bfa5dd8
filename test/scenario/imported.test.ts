import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import type { NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import { decodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import type { ProjectScope } from "../../src/db/queries/scope.ts";
import { noQuotas } from "../../src/db/queries/usage.ts";
import { registerImported } from "../../src/db/queries/version-registry.ts";
import { getTunedVersion } from "../../src/db/queries/versions.ts";
import { exportVersion } from "../../src/exports/index.ts";
import { readVersionFile } from "../../src/base-models/version-file.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { keys } from "../../src/storage/keys.ts";
import { runFineTune } from "../../src/jobs/fine-tune/run.ts";
import { newFineTune, newProject } from "../training/project.ts";
import { addRings, type Bench, openBench } from "../worlds/trainer.ts";

// It trains; on a busy machine that takes minutes.
vi.setConfig({ testTimeout: 300_000 });

let bench: Bench;
let scope: ProjectScope;
beforeAll(async () => {
  bench = await openBench();
  scope = await newProject(bench.services.db);
  await addRings(bench, scope, 4);
});
afterAll(async () => {
  await bench.close();
});

it("continues from a decoder that was exported and imported again", async () => {
  const { db, store } = bench.services;
  // Far from the base, and near enough to it to work.
  const original = baseModel("mobile_sam");
  const base = {
    ...original,
    decoderWeights: async () => scaled(await original.decoderWeights(), 1.05),
  };
  const { content } = await exportVersion(
    store,
    { projectId: scope.projectId, base, version: null },
    { format: "onnx", full: false, variant: "all" },
  );
  const path = join(bench.config.DATA_DIR, "sent.onnx");
  await writeFile(path, content);
  const { weights, says, focus } = await readVersionFile(path, original);
  const { tensors } = decodeSafetensors(await readFile(weights.path));
  const weightsKey = keys.weights(scope.projectId, "ver_imported", weights.sha256);
  await store.putFile(weightsKey, weights.path);
  const sent = { fileName: "sent.onnx", sha256: sha256("sent"), bytes: 1, says, actor: "key_1" };
  const { number } = await registerImported(
    db,
    scope,
    {
      id: "ver_imported",
      baseModel: "mobile_sam",
      weightsKey,
      weightsSha256: weights.sha256,
      weightsBytes: weights.bytes,
      focus,
      hyperparameters: {},
      imported: { format: "onnx", ...sent },
    },
    noQuotas,
  );
  expect(number).toBe(1);

  const short = { epochs: 1, learning_rate: 1e-7, batch_size: 2, refine: "none" };
  const id = await newFineTune(db, scope, { hyperparameters: short, baseVersion: 1 });
  await runFineTune(bench.trainer, id, new AbortController().signal);
  const tuned = await getTunedVersion(db, scope, 2);
  expect(tuned.parentVersion).toBe(1);
  // Beside it on the same images, though it came without a measurement.
  expect(tuned.metrics.heldOut.parent).toBeDefined();
  const to = decodeSafetensors(await store.get(tuned.weightsKey)).tensors;
  expect(far(to, tensors)).toBeLessThan(far(to, await original.decoderWeights()) / 20);
});

const name = "mask_decoder.output_hypernetworks_mlps.0.layers.0.weight";
const far = (a: NamedTensors, b: NamedTensors): number =>
  Math.hypot(...a[name]!.data.map((value, i) => value - b[name]!.data[i]!));
const scaled = (tensors: NamedTensors, by: number): NamedTensors => ({
  ...tensors,
  [name]: { shape: tensors[name]!.shape, data: tensors[name]!.data.map((value) => value * by) },
});
