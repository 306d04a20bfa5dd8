import type { ModelFamily } from "../domain/model-family.ts";
import type { Flip } from "../imaging/flips.ts";
import type { ImageFormat } from "../imaging/sniff.ts";
import type { Box, LogitsMask, MaskFormat, Point, RgbImage, Size, WireMask } from "../imaging/types.ts";
import type { TimingMs } from "./timing.ts";
import type { Finder } from "../domain/finder.ts";
import type { Focus } from "../domain/focus.ts";

export interface ImageFacts {
  /** As seen, after EXIF orientation. */
  readonly width: number;
  readonly height: number;
  readonly format: ImageFormat;
  /** What was chosen to make eight bits of R, G and B of it; left out where it has them. */
  readonly reading?: string | undefined;
}

/** An image as the encoder sees it. */
export interface ResizedImage {
  /** Size of the image itself, as seen, pixels. */
  readonly width: number;
  readonly height: number;
  /** Its longest side at 1024 (imaging/preprocess.ts). */
  readonly resized: RgbImage;
}

/** Bytes are asked for only when the embedding is cached nowhere. */
export interface ImageSource {
  /** SHA-256 of the bytes. */
  readonly sha256: string;
  bytes(): Promise<Uint8Array>;
}

export interface EmbedOptions {
  /** Embeddings are shared inside a workspace, never across. */
  readonly workspaceId: string;
  readonly baseModel: string;
  /**
   * Left out, the whole image. Otherwise only this rectangle of it is encoded, as if it were the image: whole pixels of
   * the oriented original. The embedding's width and height are the rectangle's. See regions.ts.
   */
  readonly region?: Box | undefined;
  /** The image, or the region of it, is flipped before it is encoded; prompts and masks then count in the flipped one. */
  readonly flip?: Flip | undefined;
  /** The embedding is not kept in memory: a request that passes through a hundred would push those of others out. */
  readonly passing?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An image embedding together with the geometry that its prompts and masks need. */
export interface ImageEmbedding {
  readonly family: ModelFamily;
  /**
   * [64, 64, 256] float32, channels last (the transpose of Meta's [1, 256, 64, 64]), so that its rows are the
   * decoder's 4096 image tokens; behind them SAM 2's high-resolution features (decoder-order.ts). On a SharedArrayBuffer:
   * workers read it without a copy.
   */
  readonly data: Float32Array;
  /** Size of the original image, or of the region of it that was encoded, pixels. */
  readonly width: number;
  readonly height: number;
}

export interface Embedded {
  readonly embedding: ImageEmbedding;
  readonly from: "memory" | "store" | "encoder";
  /** Settles when one that was just made is in the store, or rejects with what kept it from there. */
  readonly stored?: Promise<void>;
}

/** Which decoder weights: 0 is the base model's own; others lie in the object store. */
export interface VersionRef {
  readonly number: number;
  readonly weightsKey?: string;
  readonly weightsSha256?: string;
  /** How it looks at images; left out, as plain SAM. */
  readonly focus?: Focus;
  /** Finds its objects without prompts; left out or null, it can't. */
  readonly finder?: Finder | null;
}

/** At least one of the three. A mask prompt is a previous mask: at the image's size, or [256,256] low-res logits in the frame of the base model. */
export interface Prompt {
  readonly box?: Box | undefined;
  readonly points?: readonly Point[] | undefined;
  readonly mask?: WireMask | undefined;
}

export interface PredictRequest extends EmbedOptions {
  readonly image: ImageSource;
  /** The image's [height, width] where the caller knows it; it saves an encode where no version wants the whole image. */
  readonly size?: Size;
  readonly versions: readonly VersionRef[];
  readonly prompts: readonly Prompt[];
  /**
   * True: SAM's three masks for an ambiguous prompt, best score first; "best": the first of these alone. False: the one
   * mask of token 0, as Meta's predictor.
   */
  readonly multimask: boolean | "best";
  readonly format: MaskFormat;
  /** How far, in pixels, a corner that is left out of a polygon may lie from its edge; 0, the default, leaves out none. */
  readonly polygonTolerance?: number;
  /**
   * True: where only the mask of token 0 is asked for, small boxes are decoded from the image tokens near them, many times
   * sooner (decoder/near.ts). Their masks are as good, and not the same.
   */
  readonly near?: boolean;
  /** True: also the low-res logits of each mask, as the next prompt's `mask` takes them. */
  readonly lowRes?: boolean;
  /** Characters that the masks may be as text, logits apart, which are as long as their image is large. */
  readonly maxAnswerText?: number;
}

export interface PredictedMask {
  /** The decoder's own IoU prediction. */
  readonly score: number;
  /** SAM 2's probability that there is an object where the prompt points; left out where the decoder tells none. */
  readonly objectScore?: number;
  /** Tight box round the mask, [0,0,0,0] when it is empty. */
  readonly bbox: Box;
  /** Foreground pixels. */
  readonly area: number;
  readonly mask: WireMask;
  /** [256, 256] in the frame of the base model, where the request asked for them. */
  readonly lowRes?: LogitsMask;
}

export interface PredictResult {
  readonly width: number;
  readonly height: number;
  /** In the order of the request's versions; predictions in the order of its prompts. */
  readonly results: readonly {
    readonly version: number;
    readonly predictions: readonly { readonly masks: readonly PredictedMask[] }[];
  }[];
  readonly embeddingFrom: Embedded["from"];
  readonly timingMs: TimingMs;
}
