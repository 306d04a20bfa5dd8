import type { Box, MaskFormat, Size, WireMask } from "../../imaging/types.ts";
import type { DecoderGraph } from "../../graphs/files.ts";
import type { PackedWeights } from "./packed-weights.ts";
import type { PromptTokens } from "./prompt-tokens.ts";
import type { RefineBy } from "../refine/refined-logits.ts";
import type { ImageEmbedding, PredictedMask } from "../types.ts";

/** Prompts of one version that are answered from the same views, all with a mask prompt or all without. */
export interface ViewTask {
  readonly graph: DecoderGraph;
  /** Whether all of the prompts are decoded from the image tokens near them: see near.ts. */
  readonly near: boolean;
  readonly threads: number;
  readonly weights: PackedWeights;
  /** The whole image's [height, width]. */
  readonly size: Size;
  readonly views: readonly EncodedView[];
  readonly refine: RefineBy | null;
  readonly prompts: readonly ViewPrompt[];
}

export interface EncodedView {
  /** [x0, y0, x1, y1] in whole pixels of the image. */
  readonly region: Box;
  readonly embedding: ImageEmbedding;
  /** As DecoderTask's, for this embedding. */
  readonly prefix?: SharedArrayBuffer | "make";
}

/** What a request wants of its masks. */
export interface Wish {
  readonly multimask: boolean | "best";
  readonly format: MaskFormat;
  readonly polygonTolerance: number;
  readonly lowRes: boolean;
}

export interface ViewPrompt {
  /** Its place in the request. */
  readonly index: number;
  /** What the views cover together. */
  readonly window: Box;
  /** The prompt as it reads in each view, in their order. */
  readonly tokens: readonly PromptTokens[];
  /** The caller's own, in pixels of the image. */
  readonly box: Box | null;
  /** In the whole image's frame. */
  readonly mask?: WireMask | undefined;
  readonly wish: Wish;
}

/** A mask whose low-res logits are still numbers, [256, 256] on shared memory. */
export type AnsweredMask = Omit<PredictedMask, "lowRes"> & { readonly lowRes?: Float32Array };

export interface ViewResult {
  /** Milliseconds since the epoch when the worker took the task up. */
  readonly startedAt: number;
  readonly decodeMs: number;
  readonly encodeMs: number;
  /** In the order of the task's prompts. */
  readonly predictions: readonly { readonly masks: readonly AnsweredMask[] }[];
  /** In the order of the views: what was made for those whose task said so. */
  readonly prefixes: readonly (SharedArrayBuffer | undefined)[];
}
