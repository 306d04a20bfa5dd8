import type { Box, MaskFormat, RleMask, Size } from "../../imaging/types.ts";
import type { Embedded, EmbedOptions, ImageSource, PredictedMask, VersionRef } from "../types.ts";

/**
 * The settings of Meta's automatic mask generator, by its names and with its meanings.
 * Source: segment-anything automatic_mask_generator.py, SamAutomaticMaskGenerator.
 */
export interface EverythingSettings {
  /** Points along each side of the grid over the image. */
  readonly pointsPerSide: number;
  /** Instead of a grid by `pointsPerSide`: the points of each crop layer, [x, y] in [0, 1] of the crop. */
  readonly pointGrids?: readonly (readonly (readonly [number, number])[])[] | undefined;
  /** Points decoded together at most; it never changes a mask. */
  readonly pointsPerBatch: number;
  /** Masks whose own IoU prediction is not above it are dropped; 0 keeps all. */
  readonly predIouThresh: number;
  /** Masks less stable are dropped; 0 keeps all. */
  readonly stabilityScoreThresh: number;
  /** How far, in logits, the threshold is moved both ways to see how stable a mask is. */
  readonly stabilityScoreOffset: number;
  /** Box IoU above which the worse of two masks of one crop is dropped. */
  readonly boxNmsThresh: number;
  /** Layers of crops beside the whole image; layer i has 4^i crops. */
  readonly cropNLayers: number;
  /** Box IoU above which the mask of the larger of two crops is dropped. */
  readonly cropNmsThresh: number;
  /** The share of the image's shorter side by which crops of the first layer overlap; less in later ones. */
  readonly cropOverlapRatio: number;
  /** Layer i has pointsPerSide / factor^i points to a side. */
  readonly cropNPointsDownscaleFactor: number;
  /** Holes and islands of fewer pixels are filled or removed; 0 leaves them. */
  readonly minMaskRegionArea: number;
}

/** Meta's own. */
export const everythingDefaults: Omit<EverythingSettings, "pointGrids"> = {
  pointsPerSide: 32,
  pointsPerBatch: 64,
  predIouThresh: 0.88,
  stabilityScoreThresh: 0.95,
  stabilityScoreOffset: 1,
  boxNmsThresh: 0.7,
  cropNLayers: 0,
  cropNmsThresh: 0.7,
  cropOverlapRatio: 512 / 1500,
  cropNPointsDownscaleFactor: 1,
  minMaskRegionArea: 0,
};

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
  /** Milliseconds, as in PredictResult. */
  readonly timingMs: {
    readonly queue: number;
    readonly embed: number;
    readonly decode: number;
    readonly encode: number;
    readonly total: number;
  };
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
