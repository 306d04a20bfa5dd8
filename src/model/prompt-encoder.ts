import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { convPatches, epsilon2d, gelu, layerNorm, matMulLast, planeToCells } from "./layers.ts";
import { frameSide, gridSide, imageTokens, label, maskSide, weight, width, type Weights } from "./types.ts";

/** SAM's prompt encoder (segment-anything: modeling/prompt_encoder.py), for P prompts at once. */

/**
 * Positions as random Fourier features (PositionEmbeddingRandom): xy [..., 2], x then y, in [0, 1] of the frame,
 * to [..., 256].
 */
export function positionalEncoding(xy: Tensor, weights: Weights): Tensor {
  const matrix = weight(weights, "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix");
  const angle = tf.mul(matMulLast(tf.sub(tf.mul(xy, 2), 1), matrix), 2 * Math.PI);
  return tf.concat([tf.sin(angle), tf.cos(angle)], -1);
}

/**
 * The image tokens' own positions, [1, 4096, 256] (PromptEncoder.get_dense_pe). It depends on nothing but the base
 * model's positional matrix, which is never trained: compute it once and hand it to every decoder call.
 */
export function imagePositionalEncoding(weights: Weights): Tensor {
  return tf.tidy(() => {
    const centres = Float32Array.from({ length: 2 * imageTokens }, (_, i) => {
      const token = i >> 1;
      return ((i % 2 === 0 ? token % gridSide : Math.floor(token / gridSide)) + 0.5) / gridSide;
    });
    return positionalEncoding(tf.tensor(centres, [1, imageTokens, 2]), weights);
  });
}

/**
 * Sparse prompt embeddings [P, T, 256] of points and box corners. coords [P, T, 2], x then y, in pixels of the
 * 1024 frame, before the half-pixel shift; labels [P, T] float32: 1 foreground, 0 background, 2 and 3 box corners,
 * -1 padding (a token of its own, without a position), -2 absent (zeros; see absentKeys).
 * As in Meta's, a prompt without a box wants one padding point behind its points.
 */
export function embedPoints(coords: Tensor, labels: Tensor, weights: Weights): Tensor {
  return tf.tidy(() => {
    const [p = 0, t = 0] = labels.shape;
    const name = "prompt_encoder.point_embeddings";
    const kinds = [label.padding, label.background, label.foreground, label.boxStart, label.boxEnd];
    const table = tf.concat(
      [
        weight(weights, "prompt_encoder.not_a_point_embed.weight"),
        ...[0, 1, 2, 3].map((i) => weight(weights, `${name}.${i}.weight`)),
      ],
      0,
    ); // [5, 256], in the order of `kinds`
    const each = tf.reshape(labels, [p, t, 1]);
    const oneHot = tf.cast(tf.equal(each, tf.tensor(kinds, [1, 1, kinds.length], "float32")), "float32");
    const located = tf.cast(tf.greaterEqual(each, tf.scalar(0)), "float32"); // [P, T, 1]
    const xy = tf.div(tf.add(coords, 0.5), frameSide);
    return tf.add(tf.mul(positionalEncoding(xy, weights), located), matMulLast(oneHot, table));
  });
}

/**
 * What hides absent tokens (label -2) as keys: [P, 1, 1, before + T], 0 or -1e4, for the decoder's tokens, of which
 * `before` output tokens come first. exp(-1e4) is 0 in float32, so results are those without the tokens; float16 has the
 * number, too, and engines may reckon in that.
 */
export function absentKeys(labels: Tensor, before: number): Tensor {
  return tf.tidy(() => {
    const [p = 0, t = 0] = labels.shape;
    const hidden = tf.mul(tf.cast(tf.equal(labels, tf.scalar(label.absent)), "float32"), -1e4);
    return tf.reshape(tf.concat([tf.zeros([p, before]), hidden], 1), [p, 1, 1, before + t]);
  });
}

/**
 * Dense prompt embeddings [P, 4096, 256] of mask prompts: masks [P, 256, 256], low-res logits of an earlier answer in
 * the padded frame (PromptEncoder._embed_masks). hasMask [P], 1 or 0: prompts with 0 get the embedding of no mask.
 */
export function embedMasks(masks: Tensor, weights: Weights, hasMask?: Tensor): Tensor {
  return tf.tidy(() => {
    const name = "prompt_encoder.mask_downscaling";
    const p = masks.size / (maskSide * maskSide);
    const cells = tf.reshape(planeToCells(masks, gridSide, gridSide), [p, imageTokens, 2, 2, 2, 2, 1]);
    const norm = (x: Tensor, layer: number): Tensor =>
      gelu(layerNorm(x, weights, `${name}.${layer}`, epsilon2d));
    const fine = norm(convPatches(cells, weights, `${name}.0`), 1); // [P, 4096, 2, 2, 4]
    const coarse = norm(convPatches(fine, weights, `${name}.3`), 4); // [P, 4096, 16]
    const dense = convPatches(tf.reshape(coarse, [p, imageTokens, 1, 1, 16]), weights, `${name}.6`);
    if (!hasMask) return dense;
    const has = tf.reshape(hasMask, [p, 1, 1]);
    return tf.add(tf.mul(dense, has), tf.mul(noMask(weights), tf.sub(1, has)));
  });
}

/** The dense embedding of no mask prompt: [1, 1, 256], the same for all tokens and prompts, so it is left to broadcast. */
export const noMask = (weights: Weights): Tensor =>
  tf.reshape(weight(weights, "prompt_encoder.no_mask_embed.weight"), [1, 1, width]);
