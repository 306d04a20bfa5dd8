import type { Tensor } from "@tensorflow/tfjs-core";
import { decoderLayouts } from "../checkpoint/decoder-layouts.ts";
import type { ModelFamily } from "../domain/model-family.ts";
import { type RecordInput, recordGraph } from "../graph/record.ts";
import { toOnnx } from "../graph/to-onnx.ts";
import { type CoarseParts, coarseParts } from "../model/coarse-cells.ts";
import type { MaskDecoderOutput, SkipFeatures } from "../model/mask-decoder.ts";
import type { ImagePrefix } from "../model/image-prefix.ts";
import { imagePositionalEncoding } from "../model/prompt-encoder.ts";
import { segment, segmentNear, segmentPrefix } from "../model/sam.ts";
import { gridSide } from "../model/types.ts";

/** One decoder graph: prompts of exactly `points` sparse tokens, with or without a mask prompt each. */
export interface DecoderVariant {
  readonly family: ModelFamily;
  readonly points: number;
  readonly mask: boolean;
}

const layoutOf = (family: ModelFamily): RecordInput[] =>
  Object.entries(decoderLayouts[family]).map(([name, shape]) => ({ name, shape }));
/** What both families have. */
const weights = layoutOf("sam");
const unmasked = (family: ModelFamily): RecordInput[] =>
  layoutOf(family).filter(({ name }) => !name.includes(".mask_downscaling."));
const embedding: RecordInput = { name: "image_embedding", shape: [1, 4096, 256] };
const positions: RecordInput = { name: "image_positions", shape: [1, 4096, 256] };
/** SAM 2's high-resolution features: see SkipFeatures. */
const skips = {
  fine: { name: "skip_fine", shape: [1, 65_536, 32] },
  coarse: { name: "skip_coarse", shape: [1, 16_384, 64] },
} as const satisfies Record<keyof SkipFeatures, RecordInput>;
const skipsOf = (family: ModelFamily): RecordInput[] => (family === "sam2" ? Object.values(skips) : []);
const skipsIn = (tensors: Readonly<Record<string, Tensor>>): { skips?: SkipFeatures } => {
  const [fine, coarse] = [tensors[skips.fine.name], tensors[skips.coarse.name]];
  return fine && coarse ? { skips: { fine, coarse } } : {};
};
const outputsOf = ({ logits, iou, objectScore }: MaskDecoderOutput): Record<string, Tensor> => ({
  low_res_logits: logits,
  iou_predictions: iou,
  ...(objectScore && { object_score: objectScore }),
});
/** These graphs are onnxruntime's alone: what others get is graphs/export.ts. */
const servedOnly = { onnxruntime: true };
const promptInputs = (points: number): RecordInput[] => [
  { name: "point_coords", shape: ["prompts", points, 2] },
  { name: "point_labels", shape: ["prompts", points] },
];

/**
 * The serving decoder as an ONNX file. Inputs, all float32, P free:
 * every weight of the prompt encoder and mask decoder by Meta's name and shape; `image_embedding` [1, 4096, 256]
 * (the [64, 64, 256] embedding, row by row), shared by all prompts, and of SAM 2 `skip_fine` and `skip_coarse`
 * (inference/embedding/decoder-order.ts); `point_coords` [P, T, 2] and `point_labels` [P, T]
 * as in model/prompt-encoder.ts, -2 marking a token that is not there; with `mask`, also `mask_input` [P, 256, 256]
 * low-res logits and `has_mask` [P], 0 or 1.
 * Outputs: `low_res_logits` [P, 4, 256, 256] and `iou_predictions` [P, 4], mask token 0 first, and of SAM 2
 * `object_score` [P, 1], a logit.
 */
export function decoderOnnx({ family, points, mask }: DecoderVariant): Uint8Array {
  const masks: RecordInput[] = [
    { name: "mask_input", shape: ["prompts", 256, 256] },
    { name: "has_mask", shape: ["prompts"] },
  ];
  const inputs = [embedding, ...skipsOf(family), ...promptInputs(points), ...(mask ? masks : [])];
  const graph = recordGraph(
    (tensors) => {
      const input = (name: string): Tensor => tensors[name] as Tensor;
      const decoded = segment(
        {
          embedding: input("image_embedding"),
          ...skipsIn(tensors),
          imagePe: imagePositionalEncoding(tensors),
          coords: input("point_coords"),
          labels: input("point_labels"),
          ...(mask ? { masks: input("mask_input"), hasMask: input("has_mask") } : {}),
        },
        tensors,
        { absentTokens: true, objectScore: family === "sam2" },
      );
      return outputsOf(decoded);
    },
    [...(mask ? layoutOf(family) : unmasked(family)), ...inputs],
    servedOnly,
  );
  return toOnnx(graph);
}

/** The image tokens' positions of a version: from its weights to `image_positions` [1, 4096, 256]. */
export const positionsOnnx = (): Uint8Array =>
  toOnnx(
    recordGraph(
      (tensors) => ({ image_positions: imagePositionalEncoding(tensors) }),
      weights.filter(({ name }) => name.includes(".pe_layer.")),
    ),
  );

/** Inputs of the other graphs by what a version's weights alone make of them (model/coarse-cells.ts). */
const parts = {
  image: { name: "parts_image", shape: [256, 256] },
  first: { name: "parts_first", shape: [128, 256] },
  firstBias: { name: "parts_first_bias", shape: [256] },
  second: { name: "parts_second", shape: [128, 256] },
  secondBias: { name: "parts_second_bias", shape: [256] },
  rest: { name: "parts_rest", shape: [2, 256] },
  fine: { name: "parts_fine", shape: [64, 128] },
  fineBias: { name: "parts_fine_bias", shape: [128] },
  values: { name: "parts_values", shape: [256, 128] },
  told: { name: "parts_told", shape: [128, 128] },
  toldBias: { name: "parts_told_bias", shape: [128] },
  valuesRest: { name: "parts_values_rest", shape: [128] },
} as const satisfies Record<keyof CoarseParts, RecordInput>;
const partNames = Object.keys(parts) as (keyof CoarseParts)[];
/** The same of what an image makes of them too (model/image-prefix.ts). */
const prefix = {
  keys: { name: "prefix_keys", shape: [1, 8, 16, 4096] },
  values: { name: "prefix_values", shape: [1, 8, 4096, 16] },
  queries: { name: "prefix_queries", shape: [1, 8, 16, 4096] },
  laterValues: { name: "prefix_later_values", shape: [1, 8, 4096, 16] },
  coarse: { name: "prefix_coarse", shape: [1, 4096, 256] },
} as const satisfies Record<keyof ImagePrefix, RecordInput>;
const prefixNames = Object.keys(prefix) as (keyof ImagePrefix)[];

/** The prefix alone looks at the other two. */
const promptParts = partNames.filter((part) => part !== "image" && part !== "values");

/** From weights to all `parts_...`. */
export const partsOnnx = (): Uint8Array =>
  toOnnx(
    recordGraph(
      (tensors) => {
        const made = coarseParts(tensors);
        return Object.fromEntries(partNames.map((part) => [parts[part].name, made[part]]));
      },
      weights.filter(({ name }) => partsWeights.test(name)),
    ),
  );

/** What the parts look at. */
const partsWeights =
  /no_mask_embed|output_upscaling\.[03]|norm4|cross_attn_image_to_token\.out_proj|layers\.1\.cross_attn_token_to_image\.v_proj/;

/** The decoder's prefix: weights, `image_embedding`, `image_positions`, `parts_image` and `parts_values` to all `prefix_...`. */
export const prefixOnnx = (): Uint8Array =>
  toOnnx(
    recordGraph(
      (tensors) => {
        const input = (name: string): Tensor => tensors[name] as Tensor;
        const given = { embedding: input("image_embedding"), imagePe: input("image_positions") };
        const made = segmentPrefix(
          given,
          { image: input("parts_image"), values: input("parts_values") },
          tensors,
        );
        return Object.fromEntries(prefixNames.map((part) => [prefix[part].name, made[part]]));
      },
      [
        ...weights.filter(({ name }) => prefixWeights.test(name)),
        embedding,
        positions,
        parts.image,
        parts.values,
      ],
    ),
  );

/** What the prefix looks at. */
const prefixWeights = /no_mask_embed|transformer\.layers\.0\.cross_attn_.*\.[qkv]_proj\./;

/**
 * The rest of the decoder without mask prompts: decoderOnnx's inputs and outputs, and `image_positions` and the
 * prefix's outputs as further inputs. With `tokens` "first" it gives mask token 0 alone, [P, 1, 256, 256] and [P, 1].
 */
export function prefixedDecoderOnnx(
  { family, points }: Pick<DecoderVariant, "family" | "points">,
  tokens: "all" | "first",
): Uint8Array {
  const graph = recordGraph(
    (tensors) => {
      const input = (name: string): Tensor => tensors[name] as Tensor;
      const decoded = segment(
        {
          embedding: input("image_embedding"),
          ...skipsIn(tensors),
          imagePe: input("image_positions"),
          coords: input("point_coords"),
          labels: input("point_labels"),
          prefix: {
            ...(Object.fromEntries(
              prefixNames.map((part) => [part, input(prefix[part].name)]),
            ) as ImagePrefix),
            parts: Object.fromEntries(promptParts.map((part) => [part, input(parts[part].name)])) as Record<
              (typeof promptParts)[number],
              Tensor
            >,
          },
        },
        tensors,
        {
          absentTokens: true,
          objectScore: family === "sam2",
          ...(tokens === "first" ? { maskTokens: [0] } : {}),
        },
      );
      return outputsOf(decoded);
    },
    [
      ...unmasked(family),
      embedding,
      ...skipsOf(family),
      positions,
      ...Object.values(prefix),
      ...promptParts.map((part) => parts[part]),
      ...promptInputs(points),
    ],
    servedOnly,
  );
  return toOnnx(graph);
}

/**
 * What the graph for small boxes looks at: a square of `side` x `side` image tokens, and of the whole image every `stride`-th
 * token both ways; its prompts have `points` tokens.
 */
export const near = { side: 16, stride: 4, points: 2 } as const;

/**
 * SAM's decoder for boxes that are small beside the image. Inputs: weights; `point_coords` and `point_labels` as
 * decoderOnnx's, T = 2; `near_embedding` and `near_positions` [P, 512, 256], the rows of image_embedding and image_positions
 * of the 16 x 16 tokens round each box and of the 256 samples; `near_log_counts` [P, 1, 512] (NearTokens). Outputs:
 * `low_res_logits` [P, 1, 64, 64] of the square, mask token 0, and `iou_predictions` [P, 1]. Close to decoderOnnx's, not
 * equal.
 */
export function nearDecoderOnnx(): Uint8Array {
  const tokens = near.side ** 2 + (gridSide / near.stride) ** 2;
  const own = {
    image: { name: "near_embedding", shape: ["prompts", tokens, 256] },
    positions: { name: "near_positions", shape: ["prompts", tokens, 256] },
    logCounts: { name: "near_log_counts", shape: ["prompts", 1, tokens] },
  } as const satisfies Record<string, RecordInput>;
  const graph = recordGraph(
    (tensors) => {
      const input = ({ name }: RecordInput): Tensor => tensors[name] as Tensor;
      const [coords, labels] = promptInputs(near.points).map(input) as [Tensor, Tensor];
      const { logits, iou } = segmentNear(
        {
          image: input(own.image),
          imagePe: input(own.positions),
          coords,
          labels,
          near: { logCounts: input(own.logCounts), side: near.side },
        },
        tensors,
      );
      return { low_res_logits: logits, iou_predictions: iou };
    },
    [...unmasked("sam"), ...Object.values(own), ...promptInputs(near.points)],
    servedOnly,
  );
  return toOnnx(graph);
}
