import { baseModel } from "../../checkpoint/base-models.ts";
import { trainableNames } from "../../checkpoint/layout.ts";
import { seededRandom } from "../../lib/random.ts";
import type { EngineName, EngineSpec, StepResult, TrainBatch } from "./types.ts";
import type { WorkerEngine } from "./worker-protocol.ts";

/** Two optimizer steps on the GPU and on the processor, from the same weights on the same drawn sample. */
export interface StepProof {
  /** Milliseconds of the second step. */
  readonly gpuMs: number;
  readonly cpuMs: number;
  /** Largest difference of losses and gradient norms, as a share of the processor's. */
  readonly error: number;
}

/** How far losses and gradient norms may differ; 2e-5 was seen. */
const most = 1e-3;

/** Throws an Error where the GPU's steps are not the processor's. */
export async function proveSteps(engine: EngineName): Promise<StepProof> {
  const spec: EngineSpec = {
    weights: await baseModel("mobile_sam").decoderWeights(),
    trainable: trainableNames,
    loss: "dice_bce",
    batchSize: 1,
    points: 2,
    weightDecay: 0.01,
    clipNorm: 1,
  };
  const { startCompiled } = await import("./compiled.ts");
  const cpu = await stepsOf(await startCompiled(spec));
  const gpu = await stepsOf(
    engine === "compiled"
      ? await startCompiled(spec, "webgpu")
      : await (await import("./eager.ts")).startEager(spec, "gpu"),
  );
  const error = Math.max(...cpu.results.flatMap((result, i) => differences(result, gpu.results[i])));
  if (!(error <= most))
    throw new Error(
      `its optimizer steps are not the processor's: ${shown(gpu.results)} where ${shown(cpu.results)} is right`,
    );
  return { gpuMs: gpu.ms, cpuMs: cpu.ms, error };
}

const differences = (right: StepResult, found: StepResult | undefined): number[] =>
  (["loss", "gradientNorm"] as const).map(
    (what) => Math.abs(right[what] - (found?.[what] ?? Number.NaN)) / Math.abs(right[what]),
  );

const shown = (results: readonly StepResult[]): string =>
  results.map(({ loss, gradientNorm }) => `loss ${loss}, gradient ${gradientNorm}`).join("; ");

async function stepsOf(engine: WorkerEngine): Promise<{ results: StepResult[]; ms: number }> {
  const batch = drawnBatch();
  try {
    const first = await engine.step(batch, 1e-4);
    const start = performance.now();
    const second = await engine.step(batch, 1e-4);
    return { results: [first, second], ms: Math.round((performance.now() - start) * 10) / 10 };
  } finally {
    await engine.dispose();
  }
}

/** A box on noise, and its inside as the mask to learn. */
function drawnBatch(): TrainBatch {
  const random = seededRandom(3);
  const [x0, y0, x1, y1] = [300, 200, 700, 640];
  const inside = (i: number): number => {
    const [x, y] = [(i % 256) * 4, Math.floor(i / 256) * 4];
    return x >= x0 && x < x1 && y >= y0 && y < y1 ? 1 : 0;
  };
  return {
    embeddings: [Float32Array.from({ length: 4096 * 256 }, () => random.normal() * 0.1)],
    coords: Float32Array.of(x0, y0, x1, y1),
    labels: Float32Array.of(2, 3),
    targets: Float32Array.from({ length: 65_536 }, (_, i) => inside(i)),
    valid: new Float32Array(65_536).fill(1),
  };
}
