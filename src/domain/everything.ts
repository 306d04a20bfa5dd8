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

/** Masks of a version that are asked once more by its focus, the best first; the others stay as they were found. */
export const mostCloser = 256;
/** Windows that are encoded for them, each .6 s of two cores where it is not cached. */
export const mostWindows = 64;
