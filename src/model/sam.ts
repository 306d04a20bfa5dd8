import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import {
  decodeMasks,
  imagePrefix,
  type MaskDecoderOutput,
  type NearTokens,
  outputTokens,
  type SkipFeatures,
} from "./mask-decoder.ts";
import type { CoarseParts, DecoderPrefix } from "./coarse-cells.ts";
import type { ImagePrefix } from "./image-prefix.ts";
import { absentKeys, embedMasks, embedPoints, noMask } from "./prompt-encoder.ts";
import { imageTokens, width, type Weights } from "./types.ts";

export interface SamInputs {
  /** [I, 64, 64, 256] or [I, 4096, 256], channels last; I = P, or 1 for an image that all prompts share. */
  readonly embedding: Tensor;
  /** SAM 2's, of the same images. */
  readonly skips?: SkipFeatures;
  /** [1, 4096, 256] of imagePositionalEncoding. */
  readonly imagePe: Tensor;
  /** [P, T, 2] and [P, T]: see embedPoints. */
  readonly coords: Tensor;
  readonly labels: Tensor;
  /** [P, 256, 256] low-res logits; left out when no prompt has a mask. */
  readonly masks?: Tensor;
  /** [P], 1 where the prompt has a mask; left out when all have one. */
  readonly hasMask?: Tensor;
  /** What segmentPrefix gives for this embedding, where no prompt has a mask: the same result sooner. */
  readonly prefix?: DecoderPrefix;
}

/** Prompts that are answered from the image tokens near them: see NearTokens. */
export interface NearInputs extends Pick<SamInputs, "coords" | "labels"> {
  /** [P, N, 256] of the embedding and of imagePositionalEncoding. */
  readonly image: Tensor;
  readonly imagePe: Tensor;
  readonly near: NearTokens;
}

export interface SamOptions {
  /** Labels of -2 may occur: prompts of different lengths in one batch. */
  readonly absentTokens?: boolean;
  /** Masks to compute, all four by default; training takes [0]. */
  readonly maskTokens?: readonly number[];
  /** Whether SAM 2's object score is computed too. */
  readonly objectScore?: boolean;
}

/** From prompts and an image embedding to masks: prompt encoder and mask decoder in one, P prompts at once. */
export function segment(inputs: SamInputs, weights: Weights, options: SamOptions = {}): MaskDecoderOutput {
  return tf.tidy(() =>
    decodeMasks(
      {
        image: tf.reshape(inputs.embedding, [inputs.embedding.shape[0] ?? 1, imageTokens, width]),
        imagePe: inputs.imagePe,
        sparse: embedPoints(inputs.coords, inputs.labels, weights),
        dense: inputs.masks ? embedMasks(inputs.masks, weights, inputs.hasMask) : noMask(weights),
        prefix: inputs.prefix,
        skips: inputs.skips,
        absent: options.absentTokens ? absentKeys(inputs.labels, outputTokens(weights)) : undefined,
        maskTokens: options.maskTokens,
        objectScore: options.objectScore,
      },
      weights,
    ),
  );
}

/** Mask token 0 of each prompt, [P, 1, 4 side, 4 side], from image tokens near it. */
export function segmentNear(
  { image, imagePe, coords, labels, near }: NearInputs,
  weights: Weights,
): MaskDecoderOutput {
  return tf.tidy(() =>
    decodeMasks(
      {
        image,
        imagePe,
        near,
        sparse: embedPoints(coords, labels, weights),
        dense: noMask(weights),
        absent: absentKeys(labels, outputTokens(weights)),
        maskTokens: [0],
      },
      weights,
    ),
  );
}

/** What `segment` can be spared for every prompt without a mask on one embedding, [1, 64, 64, 256] or [1, 4096, 256]. */
export const segmentPrefix = (
  { embedding, imagePe }: Pick<SamInputs, "embedding" | "imagePe">,
  parts: Pick<CoarseParts, "image" | "values">,
  weights: Weights,
): ImagePrefix =>
  imagePrefix(
    { image: tf.reshape(embedding, [1, imageTokens, width]), imagePe, dense: noMask(weights) },
    parts,
    weights,
  );
