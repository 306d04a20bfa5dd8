import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import {
  coarseCells,
  coarseOfImage,
  type CoarseParts,
  type DecoderPrefix,
  type Told,
} from "./coarse-cells.ts";
import {
  cellsToPlane,
  convTranspose2x2,
  convTransposeMatrix,
  epsilon2d,
  gelu,
  layerNorm,
  matMulLast,
  mlp,
} from "./layers.ts";
import { byHead, type ImagePrefix, projectImage } from "./image-prefix.ts";
import { twoWayTransformer } from "./two-way-transformer.ts";
import { gridSide, imageTokens, weight, width, type Weights } from "./types.ts";

/**
 * Output tokens before the prompt's: one for the IoU predictions, one for each of the four masks, and SAM 2's object
 * score behind them. Meta has that one first; attention asks for no order.
 */
export const outputTokens = (weights: Weights): number => (isSam2(weights) ? 6 : 5);

/** Where the object score's token is among the output tokens. */
const objectScoreToken = 5;

/** SAM 2's decoder and no other has an object score. */
export const isSam2 = (weights: Weights): boolean => "mask_decoder.obj_score_token.weight" in weights;

/**
 * SAM 2's high-resolution features as image tokens' cells (see planeToCells), I = P or 1; conv_s0 and conv_s1 are in them.
 * A type, not an interface, so that tf.tidy takes it as a container of tensors.
 */
export type SkipFeatures = {
  /** Features 0: [I, 65536, 32], 4 x 4 cells of each image token. */
  readonly fine: Tensor;
  /** Features 1: [I, 16384, 64], 2 x 2 cells of each image token. */
  readonly coarse: Tensor;
};

/**
 * Tokens of a square near each prompt, row by row, and behind them samples of the whole image. Masks are then those of the
 * square, 4 cells a token: close to what all tokens give, and not equal.
 */
export interface NearTokens {
  /** Tokens along a side of the square. */
  readonly side: number;
  /** [P, 1, N], the logarithm of how many tokens each stands for: samples for all of the image outside the square. */
  readonly logCounts: Tensor;
}

export interface MaskDecoderInputs {
  /** [I, 4096, 256], channels last; I = P, or 1 for an image that all prompts share. */
  readonly image: Tensor;
  /** [1, 4096, 256] of imagePositionalEncoding. */
  readonly imagePe: Tensor;
  /** Sparse prompt embeddings, [P, T, 256]; T may be 0. */
  readonly sparse: Tensor;
  /** Dense prompt embeddings: [P, 4096, 256] of mask prompts, or [1, 1, 256] of noMask. */
  readonly dense: Tensor;
  /** [P, 1, 1, 5 + T] of absentKeys, when some prompts are shorter than T. */
  readonly absent?: Tensor | undefined;
  /** What imagePrefix gives for this image, which all prompts share, and `dense`, which is then [1, 1, 256]. */
  readonly prefix?: DecoderPrefix | undefined;
  /** Where `image` and `imagePe` [P, N, 256] hold some of the image tokens alone. */
  readonly near?: NearTokens | undefined;
  /** SAM 2's skip features, which SAM has not. */
  readonly skips?: SkipFeatures | undefined;
  /** Which of the masks 0 to 3 to compute; all by default. 0 is the single mask, 1 to 3 answer ambiguous prompts. */
  readonly maskTokens?: readonly number[];
  /** Whether SAM 2's object score is computed. */
  readonly objectScore?: boolean | undefined;
}

/** A type, not an interface, so that tf.tidy takes it as a container of tensors. */
export type MaskDecoderOutput = {
  /**
   * [P, M, 256, 256] low-res logits in SAM's padded frame, 0 is the edge; M masks in the order of maskTokens. Near each
   * prompt [P, M, 4 side, 4 side].
   */
  readonly logits: Tensor;
  /** [P, M] IoU predictions, about 0 to 1; SAM 2's are never outside. */
  readonly iou: Tensor;
  /** [P, 1], above 0 where there is an object; where it was asked for. */
  readonly objectScore?: Tensor;
};

/**
 * SAM's mask decoder (segment-anything: modeling/mask_decoder.py), and SAM 2's, which its weights tell
 * (sam2: modeling/sam/mask_decoder.py), for P prompts at once.
 */
export function decodeMasks(inputs: MaskDecoderInputs, weights: Weights): MaskDecoderOutput {
  return tf.tidy(() => {
    const { maskTokens = [0, 1, 2, 3], sparse } = inputs;
    const name = "mask_decoder";
    const p = sparse.shape[0] ?? 0;
    const images = inputs.image.shape[0] ?? 0;
    if (images !== 1 && images !== p)
      throw new Error(`${images} image embeddings for ${p} prompts: one, or one each`);
    const sam2 = isSam2(weights);
    if (sam2 !== (inputs.skips !== undefined)) throw new Error("skip features go with SAM 2's weights");
    const outputs = ["iou_token", "mask_tokens", ...(sam2 ? ["obj_score_token"] : [])];
    const own = tf.concat(
      outputs.map((token) => weight(weights, `${name}.${token}.weight`)),
      0,
    );
    const repeated = tf.tile(tf.reshape(own, [1, outputTokens(weights), width]), [p, 1, 1]);
    const { prefix, near } = inputs;
    const { tokens, image, told } = twoWayTransformer(
      {
        tokens: tf.concat([repeated, sparse], 1),
        ...(prefix
          ? { image: inputs.image, dense: tf.reshape(inputs.dense, [width]), prefix }
          : { image: tf.add(inputs.image, inputs.dense) }),
        imagePe: inputs.imagePe,
        absent: inputs.absent,
        logCounts: near?.logCounts,
        wanted: inputs.objectScore ? objectScoreToken + 1 : 2 + Math.max(...maskTokens),
      },
      weights,
      `${name}.transformer`,
    );
    const token = (index: number): Tensor =>
      tf.reshape(tf.slice(tokens, [0, index, 0], [p, 1, width]), [p, width]);

    const hyper = maskTokens.map((mask) =>
      mlp(token(1 + mask), weights, `${name}.output_hypernetworks_mlps.${mask}`, 3),
    );
    const fine = prefix
      ? { matrix: prefix.parts.fine, bias: prefix.parts.fineBias }
      : convTransposeMatrix(weights, `${name}.output_upscaling.3`);
    const coarse = prefix
      ? coarseCells(prefix.coarse, told as [Told, Told], prefix.parts)
      : convTranspose2x2(near ? squareOf(image, near.side) : image, weights, `${name}.output_upscaling.0`);
    const cells = upscale(coarse, fine, weights, inputs.skips);
    const planes = tf.matMul(stack(hyper), cells, false, true); // [P, M, 65536]
    const side = near?.side ?? gridSide;
    const logits = tf.reshape(cellsToPlane(planes, side, side), [p, maskTokens.length, 4 * side, 4 * side]);

    const head = mlp(token(0), weights, `${name}.iou_prediction_head`, 3); // [P, 4]
    const predicted = sam2 ? tf.sigmoid(head) : head;
    const some = maskTokens.map((mask) => tf.slice(predicted, [0, mask], [p, 1]));
    const iou = some.length === 4 ? predicted : tf.concat(some, 1);
    if (!inputs.objectScore) return { logits, iou };
    const objectScore = mlp(token(objectScoreToken), weights, `${name}.pred_obj_score_head`, 3);
    return { logits, iou, objectScore };
  });
}

/** The tokens of the square, which come first. */
const squareOf = (image: Tensor, side: number): Tensor =>
  tf.slice(image, [0, 0, 0], [image.shape[0] ?? 0, side * side, width]);

/** What decodeMasks computes of image, positions and dense embedding [1, 1, 256] before it looks at a prompt. */
export function imagePrefix(
  { image, imagePe, dense }: Pick<MaskDecoderInputs, "image" | "imagePe" | "dense">,
  parts: Pick<CoarseParts, "image" | "values">,
  weights: Weights,
): ImagePrefix {
  return tf.tidy(() => {
    const seen = tf.add(image, dense);
    const layer = "mask_decoder.transformer.layers.0";
    return {
      ...projectImage(seen, tf.add(seen, imagePe), weights, layer),
      laterValues: byHead(matMulLast(image, parts.values), false),
      coarse: coarseOfImage(image, parts),
    };
  });
}

/**
 * Upscaling behind its first layer, by the second one's convTransposeMatrix: image tokens' 2 x 2 cells [P, 4096, 2, 2, 64] (or [P, 4096, 256]) to 16 finer cells
 * each, [P, 65536, 32], in cell order (see planeToCells): every step here looks at one cell alone, so no plane has to be
 * laid out before the masks themselves. SAM 2's skip features are added behind either layer.
 */
function upscale(
  coarse: Tensor,
  { matrix, bias }: { matrix: Tensor; bias: Tensor },
  weights: Weights,
  skips?: SkipFeatures,
): Tensor {
  const tokens = coarse.shape[1] ?? imageTokens;
  const cells = tf.reshape(coarse, [-1, tokens * 4, 64]);
  const seen = skips ? tf.add(cells, skips.coarse) : cells;
  const normal = gelu(layerNorm(seen, weights, "mask_decoder.output_upscaling.1", epsilon2d));
  const finer = matMulLast(normal, matrix, { bias }); // [P, 16384, 4 x 32]
  const fine = gelu(skips ? tf.add(finer, tf.reshape(skips.fine, [-1, tokens * 4, 128])) : finer);
  return tf.reshape(fine, [-1, tokens * 16, 32]);
}

/** M tensors [P, C] as [P, M, C]. */
function stack(rows: Tensor[]): Tensor {
  const wide = rows.map((row) => tf.reshape(row, [row.shape[0] ?? 0, 1, row.shape[1] ?? 0]));
  return wide.length === 1 && wide[0] ? wide[0] : tf.concat(wide, 1);
}
