import type { Tensor } from "@tensorflow/tfjs-core";
import { decoderLayout } from "../checkpoint/layout.ts";
import { type RecordInput, recordGraph } from "../graph/record.ts";
import { toOnnx } from "../graph/to-onnx.ts";
import { dataType, decodeModel, encodeModel, valueInfo } from "../lib/onnx-proto.ts";
import { segment } from "../model/sam.ts";
import { NodeList } from "./onnx-nodes.ts";
import { surrounded } from "./surrounded.ts";

/**
 * The decoder as transformers.js's SamModel calls it (its models/sam/modeling_sam.js; Hugging Face's names, optimum's
 * shapes), still with its weights as inputs. Inputs: `image_embeddings` and `image_positional_embeddings`
 * [1, 256, 64, 64] float32; `input_points` [1, P, N, 2] float32 in pixels of the 1024 frame; `input_labels` [1, P, N]
 * int64: 1, 0, 2 and 3 for the corners of a box, -1 for padding, less for a point that is not there. A prompt without a
 * box gets its padding point here, as SamModel's own prompt encoder gives it one.
 * Outputs: `pred_masks` [1, P, 1, 256, 256], low-res logits of mask 0, and `iou_scores` [1, P, 1].
 */
export function samModelOnnx(): Uint8Array {
  const model = decodeModel(recordedDecoder());
  const weights = model.graph.input.filter(({ name }) => Object.hasOwn(decoderLayout, name));
  const nodes = new NodeList();
  const add = nodes.add.bind(nodes);
  for (const [input, tokens] of [
    ["image_embeddings", "_image_tokens"],
    ["image_positional_embeddings", "_image_positions"],
  ] as const) {
    const planes = add("Reshape", [input, nodes.ints([1, 256, 4096])]);
    add("Transpose", [planes], { perm: [0, 2, 1] }, tokens);
  }
  const given = add("Cast", [add("Squeeze", ["input_labels", nodes.ints([0])])], { to: dataType.float });
  const corner = add("Cast", [add("Equal", [given, nodes.floats([2])])], { to: dataType.float });
  const hasBox = add("ReduceMax", [corner], { axes: [1], keepdims: 1 });
  // -1 is the padding point, -2 one that is not there.
  const padding = add("Sub", [nodes.floats([-1]), hasBox]);
  const labels = add("Concat", [given, padding], { axis: 1 });
  add("Max", [labels, nodes.floats([-2])], {}, "_labels");
  const points = add("Squeeze", ["input_points", nodes.ints([0])]);
  add("Pad", [points, nodes.ints([0, 0, 0, 0, 1, 0])], {}, "_coords");
  const before = nodes.take();
  add("Unsqueeze", ["_logits", nodes.ints([0])], {}, "pred_masks");
  add("Unsqueeze", ["_iou", nodes.ints([0])], {}, "iou_scores");
  const float = (name: string, dims: (number | string)[]) => valueInfo(name, dataType.float, dims);
  const joined = surrounded(model, {
    name: "sam_model_decoder",
    before,
    nodes,
    input: [
      float("image_embeddings", [1, 256, 64, 64]),
      float("image_positional_embeddings", [1, 256, 64, 64]),
      float("input_points", [1, "point_batch_size", "num_points", 2]),
      valueInfo("input_labels", dataType.int64, [1, "point_batch_size", "num_points"]),
      ...weights,
    ],
    output: [
      float("iou_scores", [1, "point_batch_size", 1]),
      float("pred_masks", [1, "point_batch_size", 1, 256, 256]),
    ],
  });
  return encodeModel(joined);
}

/** P prompts of T tokens each on one image: outputs `_logits` [P, 1, 256, 256] and `_iou` [P, 1] of mask 0. */
function recordedDecoder(): Uint8Array {
  const inputs: RecordInput[] = [
    { name: "_image_tokens", shape: [1, 4096, 256] },
    { name: "_image_positions", shape: [1, 4096, 256] },
    { name: "_coords", shape: ["prompts", "tokens", 2] },
    { name: "_labels", shape: ["prompts", "tokens"] },
    ...Object.entries(decoderLayout).map(([name, shape]) => ({ name, shape })),
  ];
  const graph = recordGraph(
    (tensors) => {
      const input = (name: string): Tensor => tensors[name] as Tensor;
      const { logits, iou } = segment(
        {
          embedding: input("_image_tokens"),
          imagePe: input("_image_positions"),
          coords: input("_coords"),
          labels: input("_labels"),
        },
        tensors,
        { absentTokens: true, maskTokens: [0] },
      );
      return { _logits: logits, _iou: iou };
    },
    inputs,
    { gelu: false },
  );
  return toOnnx(graph);
}
