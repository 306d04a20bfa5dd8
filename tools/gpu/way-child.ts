/** One way's process: tries it on one product, then compares stage after stage, and sends what it finds to main.ts. */
import ort from "../../src/lib/onnxruntime.ts";
import { providerOptions } from "../../src/training/engine/provider.ts";
import { decodeStages } from "./decode-stages.ts";
import { cpuEmbedding, encodeStage } from "./encode-stages.ts";
import { compared, type Row } from "./measure.ts";
import { productOnnx } from "./product.ts";
import type { Stage } from "./stages.ts";
import { trainStage } from "./train-stage.ts";
import { providerOf, reasonOf, type Way } from "./ways.ts";

export type FromChild =
  | { readonly kind: "missing"; readonly why: string }
  | { readonly kind: "stage"; readonly stage: string }
  | { readonly kind: "row"; readonly row: Row };

const send = (message: FromChild): Promise<void> =>
  new Promise((resolve) => {
    process.send?.(message, () => resolve());
  });

/** Throws where the way is not on this machine. */
async function tryOut(way: Way): Promise<void> {
  const provider = providerOf(way);
  if (provider === null) {
    await (await import("../../src/training/engine/eager-backend.ts")).useBestBackend("gpu");
    return;
  }
  const session = await ort.InferenceSession.create(productOnnx(), {
    ...providerOptions(provider),
    logSeverityLevel: 3,
  });
  await session.release();
}

const [way, rounds] = [process.argv[2] as Way, Number(process.argv[3])];
try {
  await tryOut(way);
} catch (error) {
  await send({ kind: "missing", why: reasonOf(error) });
  process.exit(0);
}
const train = [1, 4].map((batchSize) => trainStage(cpuEmbedding, { batchSize, steps: 3 }));
const stages: Stage[] =
  way === "tfjs-node-gpu" ? train : [await encodeStage(), ...decodeStages(cpuEmbedding), ...train];
for (const stage of stages) {
  await send({ kind: "stage", stage: stage.name });
  await send({ kind: "row", row: await compared(stage, way, rounds) });
}
// Threads of a driver may live on.
process.exit(0);
