import { workerData } from "piscina";
import * as ort from "onnxruntime-node";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { graphsFolder, readGraphs } from "../../src/inference/graphs.ts";
import { predictedMask } from "../../src/inference/predicted-mask.ts";
import { batchTokens, promptTokens } from "../../src/inference/prompt-tokens.ts";
import type { Box, Size } from "../../src/imaging/types.ts";

export interface BareTask {
  readonly threads: number;
  readonly embedding: Float32Array;
  readonly size: Size;
  readonly boxes: readonly Box[];
}

export interface RateTask {
  readonly milliseconds: number;
  /**
   * Whether the mask is brought to the image's size and counted into runs too, as Meta's SamPredictor.predict and sam.onnx
   * bring it up; left out, what is measured is the decoder's graph and nothing else.
   */
  readonly masks: boolean;
}

/** One box after the other. */
const { threads, embedding, size, boxes } = workerData as BareTask;
const graph = readGraphs(graphsFolder).find(({ points, mask }) => points === 2 && !mask);
if (!graph) throw new Error("there is no decoder for a box");
const session = await ort.InferenceSession.create(graph.path, { intraOpNumThreads: threads });
const weights = await baseModel("mobile_sam").decoderWeights();
const fixed: Record<string, ort.Tensor> = {
  image_embedding: new ort.Tensor("float32", embedding, [1, 4096, 256]),
};
for (const name of session.inputNames) {
  const tensor = weights[name];
  if (tensor) fixed[name] = new ort.Tensor("float32", tensor.data, [...tensor.shape]);
}
const prompts = boxes.map((box) => {
  const { coords, labels } = batchTokens([promptTokens({ box }, size, 2)], 2);
  return {
    ...fixed,
    point_coords: new ort.Tensor("float32", coords, [1, 2, 2]),
    point_labels: new ort.Tensor("float32", labels, [1, 2]),
  };
});

/** Prompts a second. */
export default async function rate({ milliseconds, masks }: RateTask): Promise<number> {
  const start = performance.now();
  let runs = 0;
  while (performance.now() - start < milliseconds) {
    const output = await session.run(prompts[runs % prompts.length] as Record<string, ort.Tensor>);
    if (masks) await predictedMask(lowResOf(output), 0, size, { format: "rle", polygonTolerance: 0 });
    runs++;
  }
  return runs / ((performance.now() - start) / 1000);
}

/** Token 0's [256, 256], which answers by default. */
function lowResOf({ low_res_logits: logits }: ort.InferenceSession.OnnxValueMapType): Float32Array {
  if (!(logits?.data instanceof Float32Array)) throw new Error("the graph gives no low-res logits");
  return logits.data.subarray(0, 256 * 256);
}
