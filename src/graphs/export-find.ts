import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { decoderLayout } from "../checkpoint/layout.ts";
import { finderShapes, gridCells } from "../domain/finder-layout.ts";
import { type RecordInput, recordGraph } from "../graph/record.ts";
import { toOnnx } from "../graph/to-onnx.ts";
import { finderOutputs } from "../model/finder.ts";
import { imagePositionalEncoding } from "../model/prompt-encoder.ts";
import { segmentNear } from "../model/sam.ts";
import { near } from "./decoder.ts";

/** What finds without prompts, for other people's programs: both take an image embedding as an encoder gives it. */
const embedding: RecordInput = { name: "image_embeddings", shape: [1, 256, gridCells, gridCells] };

/** Weights of a finder of any number of labels. */
export const finderWeights = (): RecordInput[] =>
  Object.entries(finderShapes(1)).map(([name, shape]) => ({
    name,
    shape: name.startsWith("head.") ? [...shape.slice(0, -1), "outputs"] : shape,
  }));

/** Channels last, [64, 64, 256]. */
const cellsOf = (planes: Tensor): Tensor => tf.reshape(tf.transpose(planes, [0, 2, 3, 1]), [64, 64, 256]);

/**
 * A finder as an ONNX file that still wants its weights as inputs (exports/find.ts puts them inside). Input
 * `image_embeddings` [1, 256, 64, 64] float32, pooled inside; output `finds` [1, n, n, 4 * outputs] as finderOnnx's.
 */
export function finderExportOnnx(pool: number): Uint8Array {
  const side = gridCells / pool;
  const graph = recordGraph(
    (tensors) => {
      const cells = tf.reshape(cellsOf(tensors["image_embeddings"] as Tensor), [side, pool, side, pool, 256]);
      const pooled = pool === 1 ? cells : tf.mean(cells, [1, 3]);
      return { finds: finderOutputs(tf.reshape(pooled, [1, side, side, 256]), tensors) };
    },
    [...finderWeights(), embedding],
  );
  return toOnnx(graph);
}

/**
 * nearDecoderOnnx for one box, which picks its tokens by itself, still without its weights. Inputs: `image_embeddings`
 * [1, 256, 64, 64]; `places` int32 [512], the tokens of the box's square and the samples; `log_counts` [1, 1, 512];
 * `point_coords` [1, 2, 2] and `point_labels` [1, 2]. Outputs: `low_res_masks` [1, 1, 64, 64] of the square, mask 0, and
 * `iou_predictions` [1, 1].
 */
export function nearExportOnnx(): Uint8Array {
  const tokens = near.side ** 2 + (gridCells / near.stride) ** 2;
  const weights: RecordInput[] = Object.entries(decoderLayout)
    .filter(([name]) => !name.includes(".mask_downscaling."))
    .map(([name, shape]) => ({ name, shape }));
  const graph = recordGraph(
    (tensors) => {
      const input = (name: string): Tensor => tensors[name] as Tensor;
      const at = (rows: Tensor): Tensor =>
        tf.reshape(tf.gather(tf.reshape(rows, [gridCells ** 2, 256]), input("places") as tf.Tensor1D), [
          1,
          tokens,
          256,
        ]);
      const { logits, iou } = segmentNear(
        {
          image: at(cellsOf(input("image_embeddings"))),
          imagePe: at(imagePositionalEncoding(tensors)),
          coords: input("point_coords"),
          labels: input("point_labels"),
          near: { logCounts: input("log_counts"), side: near.side },
        },
        tensors,
      );
      return { low_res_masks: logits, iou_predictions: iou };
    },
    [
      ...weights,
      embedding,
      { name: "places", shape: [tokens], dtype: "int32" },
      { name: "log_counts", shape: [1, 1, tokens] },
      { name: "point_coords", shape: [1, near.points, 2] },
      { name: "point_labels", shape: [1, near.points] },
    ],
  );
  return toOnnx(graph);
}
