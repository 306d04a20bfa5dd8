import type { EverythingSettings } from "../../domain/everything.ts";
import type { Box, MaskFormat, RleMask, Size } from "../../imaging/types.ts";
import type { TimingMs } from "../timing.ts";
import type { Embedded, EmbedOptions, ImageSource, PredictedMask, VersionRef } from "../types.ts";

/** Where a mask comes from: places of the crop in the plan and of the point in its grid, and which of its masks, 1 to 3. */
export interface FoundAt {
  readonly crop: number;
  readonly point: number;
  readonly token: number;
}

export interface EverythingRequest extends Omit<EmbedOptions, "region"> {
  /** With its [height, width], as seen. */
  readonly image: ImageSource & { readonly size: Size };
  readonly versions: readonly VersionRef[];
  readonly settings: EverythingSettings;
  readonly format: Exclude<MaskFormat, "logits">;
  /** Characters that the masks of all versions together may take; more throws AppError answer_too_large. */
  readonly maxAnswerBytes: number;
  /** Makes just this mask of an earlier answer again, which costs one point; thresholds were passed then. */
  readonly only?: FoundAt | undefined;
}

export interface EverythingMask extends Omit<PredictedMask, "lowRes"> {
  /** IoU of the masks that a lower and a higher threshold give, in [0, 1]. */
  readonly stability: number;
  /** [x, y] of the point that it was found by, in pixels of the image. */
  readonly point: readonly [number, number];
  /** The crop that it was found in, [0, 0, width, height] for the whole image. */
  readonly crop: Box;
  readonly foundAt: FoundAt;
}

export interface EverythingResult {
  readonly width: number;
  readonly height: number;
  /** In the order of the request's versions; masks in Meta's: the best score first, those of smaller crops before others. */
  readonly results: readonly { readonly version: number; readonly masks: readonly EverythingMask[] }[];
  /** Where the embedding of each crop was found, the whole image's first. */
  readonly embeddingsFrom: readonly Embedded["from"][];
  readonly timingMs: TimingMs;
}

/** A mask on its way: it passed the thresholds, and may still fall to a better one. */
export interface Candidate {
  readonly score: number;
  readonly stability: number;
  readonly point: readonly [number, number];
  /** Tight box of the mask, in pixels of the image, x1 and y1 exclusive. */
  readonly bbox: Box;
  readonly area: number;
  readonly crop: Box;
  readonly foundAt: FoundAt;
  /** At the crop's size. */
  readonly mask: RleMask;
}
