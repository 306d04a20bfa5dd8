import type { Tensor } from "@tensorflow/tfjs-core";
import { sam2DecoderLayout } from "../checkpoint/sam2-decoder.ts";
import { type RecordInput, recordGraph } from "../graph/record.ts";
import { toOnnx } from "../graph/to-onnx.ts";
import { decodeModel, type OnnxModel, type OnnxValueInfo } from "../lib/onnx-proto.ts";
import { imagePositionalEncoding } from "../model/prompt-encoder.ts";
import { segment } from "../model/sam.ts";
import type { NodeList } from "./onnx-nodes.ts";

/**
 * SAM 2's decoder for other people's programs, recorded: P prompts of T tokens each on one image, still with its weights as
 * inputs. Inputs: `_image_tokens` [1, 4096, 256], `_skip_fine` and `_skip_coarse` (model/mask-decoder.ts, SkipFeatures),
 * `_coords` [P, T, 2] and `_labels` [P, T], -2 marking a token that is not there; with `masks`, `_mask_planes`
 * [P, 256, 256] and `_has_mask` [P]; P and T are free where they are not given. Outputs: `_logits` [P, M, 256, 256] and `_iou` [P, M] of the mask tokens, and
 * `_object_score` [P, 1].
 */
export function recordedSam2Decoder({
  masks,
  maskTokens,
  prompts = "prompts",
  tokens = "tokens",
}: {
  masks: boolean;
  maskTokens: readonly number[];
  prompts?: number | string;
  tokens?: number | string;
}): OnnxModel {
  const inputs: RecordInput[] = [
    { name: "_image_tokens", shape: [1, 4096, 256] },
    { name: "_skip_fine", shape: [1, 65_536, 32] },
    { name: "_skip_coarse", shape: [1, 16_384, 64] },
    { name: "_coords", shape: [prompts, tokens, 2] },
    { name: "_labels", shape: [prompts, tokens] },
    ...(masks
      ? [
          { name: "_mask_planes", shape: [prompts, 256, 256] },
          { name: "_has_mask", shape: [prompts] },
        ]
      : []),
    ...Object.entries(sam2DecoderLayout).map(([name, shape]) => ({ name, shape })),
  ];
  const graph = recordGraph(
    (tensors) => {
      const input = (name: string): Tensor => tensors[name] as Tensor;
      const { logits, iou, objectScore } = segment(
        {
          embedding: input("_image_tokens"),
          skips: { fine: input("_skip_fine"), coarse: input("_skip_coarse") },
          imagePe: imagePositionalEncoding(tensors),
          coords: input("_coords"),
          labels: input("_labels"),
          ...(masks ? { masks: input("_mask_planes"), hasMask: input("_has_mask") } : {}),
        },
        tensors,
        { absentTokens: true, maskTokens, objectScore: true },
      );
      return { _logits: logits, _iou: iou, _object_score: objectScore as Tensor };
    },
    inputs,
    { gelu: false },
  );
  return decodeModel(toOnnx(graph));
}

/** The recording's inputs that are weights. */
export const sam2Weights = ({ graph }: OnnxModel): OnnxValueInfo[] =>
  graph.input.filter(({ name }) => Object.hasOwn(sam2DecoderLayout, name));

/**
 * Adds what makes the recording's `_image_tokens`, `_skip_fine` and `_skip_coarse` of an embedding's three parts, channels
 * first: [1, 256, 64, 64], [1, 32, 256, 256] and [1, 64, 128, 128]. Cells go by token, then by blocks of 2 x 2.
 */
export function addSam2Features(
  nodes: NodeList,
  { image, fine, coarse }: Record<"image" | "fine" | "coarse", string>,
): void {
  const add = nodes.add.bind(nodes);
  const planes = add("Reshape", [image, nodes.ints([1, 256, 4096])]);
  add("Transpose", [planes], { perm: [0, 2, 1] }, "_image_tokens");
  const quarters = add("Reshape", [fine, nodes.ints([32, 64, 2, 2, 64, 2, 2])]);
  const sixteen = add("Transpose", [quarters], { perm: [1, 4, 2, 5, 3, 6, 0] });
  add("Reshape", [sixteen, nodes.ints([1, 65_536, 32])], {}, "_skip_fine");
  const halves = add("Reshape", [coarse, nodes.ints([64, 64, 2, 64, 2])]);
  const four = add("Transpose", [halves], { perm: [1, 3, 2, 4, 0] });
  add("Reshape", [four, nodes.ints([1, 16_384, 64])], {}, "_skip_coarse");
}

/**
 * Adds `_coords` and `_labels`: points [P, N, 2] and float32 labels [P, N] with the padding point that all prompts of SAM 2
 * end with. Labels below -1 are points that are not there.
 */
export function addSam2Prompts(
  nodes: NodeList,
  { points, labels }: Record<"points" | "labels", string>,
): void {
  const add = nodes.add.bind(nodes);
  add("Pad", [points, nodes.ints([0, 0, 0, 0, 1, 0])], {}, "_coords");
  const padded = add("Pad", [labels, nodes.ints([0, 0, 0, 1]), nodes.float(-1)]);
  add("Max", [padded, nodes.floats([-2])], {}, "_labels");
}
