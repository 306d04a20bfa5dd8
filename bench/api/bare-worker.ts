import { workerData } from "piscina";
import ort from "../../src/lib/onnxruntime.ts";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { graphsFolder, readGraphs } from "../../src/graphs/files.ts";
import { predictedMask } from "../../src/inference/decoder/predicted-mask.ts";
import { batchTokens, promptTokens } from "../../src/inference/decoder/prompt-tokens.ts";
import type { Box, Size } from "../../src/imaging/types.ts";

export interface BareTask {
  readonly threads: number;
  readonly embedding: Float32Array;
  readonly size: Size;
  readonly boxes: readonly Box[];
}

/**
 * `graph`: the decoder's graph, whole, and nothing else. `masks`: its mask is brought to the image's size and counted into
 * runs too, as Meta's SamPredictor.predict and sam.onnx bring it up. `prefix`: what it makes of the image alone was made
 * before, and it answers with token 0's mask only, as the server runs it (docs/adr/0019).
 */
export type Bareness = "graph" | "masks" | "prefix";

export interface RateTask {
  readonly milliseconds: number;
  readonly bareness: Bareness;
}

/** One box after the other. */
const { threads, embedding, size, boxes } = workerData as BareTask;
const graph = readGraphs(graphsFolder).find(({ points, mask }) => points === 2 && !mask);
if (!graph) throw new Error("there is no decoder for a box");
const weights = await baseModel("mobile_sam").decoderWeights();
const image_embedding = new ort.Tensor("float32", embedding, [1, 4096, 256]);

type Feeds = Record<string, ort.Tensor>;

/** A session, with all that is not the prompt's: of its weights, and of what is given. */
async function open(path: string, given: Feeds): Promise<{ session: ort.InferenceSession; fixed: Feeds }> {
  const session = await ort.InferenceSession.create(path, { intraOpNumThreads: threads });
  const fixed: Feeds = {};
  for (const name of session.inputNames) {
    const tensor = weights[name];
    const fed = given[name] ?? (tensor && new ort.Tensor("float32", tensor.data, [...tensor.shape]));
    if (fed) fixed[name] = fed;
  }
  return { session, fixed };
}
async function runOnce(path: string, given: Feeds): Promise<Feeds> {
  const { session, fixed } = await open(path, given);
  const output = await session.run(fixed);
  await session.release();
  return output;
}
const { split } = graph;
if (!split) throw new Error("the decoder for a box has no prefix");
const whole = await open(graph.path, { image_embedding });
const positions = await runOnce(split.positions, {});
const parts = await runOnce(split.parts, {});
const kept = await runOnce(split.prefix, { image_embedding, ...positions, ...parts });
const rest = await open(split.first, { image_embedding, ...positions, ...parts, ...kept });
const prompts = boxes.map((box): Feeds => {
  const { coords, labels } = batchTokens([promptTokens({ box }, size, 2)], 2);
  return {
    point_coords: new ort.Tensor("float32", coords, [1, 2, 2]),
    point_labels: new ort.Tensor("float32", labels, [1, 2]),
  };
});

/** Prompts a second. */
export default async function rate({ milliseconds, bareness }: RateTask): Promise<number> {
  const { session, fixed } = bareness === "prefix" ? rest : whole;
  const start = performance.now();
  let runs = 0;
  while (performance.now() - start < milliseconds) {
    const output = await session.run({ ...fixed, ...prompts[runs % prompts.length] });
    if (bareness === "masks")
      await predictedMask(lowResOf(output), 0, {
        fit: "padded",
        region: [0, 0, size[1], size[0]],
        size,
        format: "rle",
        polygonTolerance: 0,
      });
    runs++;
  }
  return runs / ((performance.now() - start) / 1000);
}

/** Token 0's [256, 256], which answers by default. */
function lowResOf({ low_res_logits: logits }: ort.InferenceSession.OnnxValueMapType): Float32Array {
  if (!(logits?.data instanceof Float32Array)) throw new Error("the graph gives no low-res logits");
  return logits.data.subarray(0, 256 * 256);
}
