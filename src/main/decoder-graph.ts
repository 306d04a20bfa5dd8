import type { Tensor } from "@tensorflow/tfjs-core";
import { decoderLayout } from "../checkpoint/layout.ts";
import { type TraceInput, traceGraph } from "../graph/trace.ts";
import { toOnnx } from "../graph/to-onnx.ts";
import { imagePositionalEncoding } from "../model/prompt-encoder.ts";
import { segment } from "../model/sam.ts";

/** One decoder graph: prompts of exactly `points` sparse tokens, with or without a mask prompt each. */
export interface DecoderVariant {
  readonly points: number;
  readonly mask: boolean;
}

/**
 * The serving decoder as an ONNX file. Inputs, all float32, P free:
 * every weight of the prompt encoder and mask decoder by Meta's name and shape; `image_embedding` [1, 4096, 256]
 * (the [64, 64, 256] embedding, row by row), shared by all prompts; `point_coords` [P, T, 2] and `point_labels` [P, T]
 * as in model/prompt-encoder.ts, -2 marking a token that is not there; with `mask`, also `mask_input` [P, 256, 256]
 * low-res logits and `has_mask` [P], 0 or 1.
 * Outputs: `low_res_logits` [P, 4, 256, 256] and `iou_predictions` [P, 4], mask token 0 first.
 */
export function decoderOnnx({ points, mask }: DecoderVariant): Uint8Array {
  const weights: TraceInput[] = Object.entries(decoderLayout)
    .filter(([name]) => mask || !name.includes(".mask_downscaling."))
    .map(([name, shape]) => ({ name, shape }));
  const inputs: TraceInput[] = [
    { name: "image_embedding", shape: [1, 4096, 256] },
    { name: "point_coords", shape: ["prompts", points, 2] },
    { name: "point_labels", shape: ["prompts", points] },
    ...(mask
      ? [
          { name: "mask_input", shape: ["prompts", 256, 256] },
          { name: "has_mask", shape: ["prompts"] },
        ]
      : []),
  ];
  const graph = traceGraph(
    (tensors) => {
      const input = (name: string): Tensor => tensors[name] as Tensor;
      const { logits, iou } = segment(
        {
          embedding: input("image_embedding"),
          imagePe: imagePositionalEncoding(tensors),
          coords: input("point_coords"),
          labels: input("point_labels"),
          ...(mask ? { masks: input("mask_input"), hasMask: input("has_mask") } : {}),
        },
        tensors,
        { absentTokens: true },
      );
      return { low_res_logits: logits, iou_predictions: iou };
    },
    [...weights, ...inputs],
  );
  return toOnnx(graph, { freeName: "prompts" });
}
