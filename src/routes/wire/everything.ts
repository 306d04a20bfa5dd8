import { z } from "@hono/zod-openapi";
import type { Segmented } from "../../actions/segment-everything.ts";
import { everythingDefaults } from "../../domain/everything.ts";
import type { EverythingSettings } from "../../domain/everything.ts";
import { versionNames } from "./version-name.ts";
import { imageBody } from "./image.ts";
import { box, maskWith } from "./mask.ts";
import { LateValues, maskWriter } from "../http/stream-json.ts";

const defaults = everythingDefaults;
const share = z.number().min(0).max(1);
const unit = z.tuple([share, share]);

/** The settings by the names that Meta's SamAutomaticMaskGenerator gives them, with its defaults. */
const settings = {
  points_per_side: z.int().min(1).max(256).default(defaults.pointsPerSide).openapi({
    description: "Points along each side of the grid over the image.",
  }),
  points_per_batch: z.int().min(1).max(1024).default(defaults.pointsPerBatch).openapi({
    description:
      "Maximum number of points decoded together; the server may use fewer. Does not change the masks.",
  }),
  pred_iou_thresh: share.default(defaults.predIouThresh).openapi({
    description: "Masks whose IoU prediction is not above this are dropped; 0 keeps all.",
  }),
  stability_score_thresh: share.default(defaults.stabilityScoreThresh).openapi({
    description: "Masks with a stability score below this are dropped; 0 keeps all.",
  }),
  stability_score_offset: z.number().min(0).max(100).default(defaults.stabilityScoreOffset).openapi({
    description: "How far, in logits, the threshold is shifted both ways to compute the stability score.",
  }),
  box_nms_thresh: share.default(defaults.boxNmsThresh).openapi({
    description:
      "Where the boxes of two masks in one crop have a higher IoU than this, the mask with the lower score is dropped.",
  }),
  crop_n_layers: z.int().min(0).max(3).default(defaults.cropNLayers).openapi({
    description: "Layers of crops to segment besides the whole image: 4, 16 and 64 crops.",
  }),
  crop_nms_thresh: share.default(defaults.cropNmsThresh).openapi({
    description: "The same between crops: the mask from the larger crop is dropped.",
  }),
  crop_overlap_ratio: share.default(defaults.cropOverlapRatio).openapi({
    description: "Overlap of the crops in the first layer, as a fraction of the image's shorter side.",
  }),
  crop_n_points_downscale_factor: z
    .int()
    .min(1)
    .max(256)
    .default(defaults.cropNPointsDownscaleFactor)
    .openapi({ description: "Layer i has points_per_side / factor^i points along each side." }),
  point_grids: z.array(z.array(unit).min(1).max(65_536)).min(1).max(4).optional().openapi({
    description: "Replaces points_per_side: the points for the image and for each layer, [x, y] from 0 to 1.",
  }),
  min_mask_region_area: z.int().min(0).max(1_000_000_000).default(defaults.minMaskRegionArea).openapi({
    description: "Holes and islands with fewer pixels than this are filled or removed; 0 keeps them.",
  }),
};

export const everythingBody = z.strictObject({
  image: imageBody,
  ...settings,
  version: versionNames,
  format: z.enum(["rle", "polygon", "png"]).default("rle"),
});

export type EverythingBody = z.output<typeof everythingBody>;

const everythingMask = maskWith({
  score: z.number().openapi({ description: "The decoder's IoU prediction." }),
  stability_score: z.number(),
  bbox: box,
  area: z.int(),
  point: z
    .tuple([z.number(), z.number()])
    .openapi({ description: "[x, y] of the point that found it, in pixels of the image." }),
  crop_box: box,
});

export const everythingSchema = z
  .object({
    id: z.string(),
    object: z.literal("segmentation"),
    image: z.object({ id: z.string().nullable(), width: z.int(), height: z.int(), sha256: z.string() }),
    results: z.array(
      z.object({
        version: z.union([z.literal("base"), z.int()]),
        masks: z.array(everythingMask),
      }),
    ),
    timing_ms: z.object({
      queue: z.number(),
      embed: z.number(),
      decode: z.number(),
      encode: z.number(),
      total: z.number(),
    }),
  })
  .openapi("Segmentation");

export const toSettings = (body: EverythingBody): EverythingSettings => ({
  pointsPerSide: body.points_per_side,
  pointGrids: body.point_grids,
  pointsPerBatch: body.points_per_batch,
  predIouThresh: body.pred_iou_thresh,
  stabilityScoreThresh: body.stability_score_thresh,
  stabilityScoreOffset: body.stability_score_offset,
  boxNmsThresh: body.box_nms_thresh,
  cropNLayers: body.crop_n_layers,
  cropNmsThresh: body.crop_nms_thresh,
  cropOverlapRatio: body.crop_overlap_ratio,
  cropNPointsDownscaleFactor: body.crop_n_points_downscale_factor,
  minMaskRegionArea: body.min_mask_region_area,
});

/** A result as it is sent; version 0 is called `base`. What takes long to write is put down in `late`. */
export function toSegmentation(
  { id, image, result }: Segmented,
  late: LateValues = new LateValues(),
): z.output<typeof everythingSchema> {
  const all = result.results.flatMap(({ masks }) => masks);
  const written = maskWriter(
    all.map(({ mask }) => mask),
    late,
  );
  return {
    id,
    object: "segmentation",
    image: { id: image.id, width: result.width, height: result.height, sha256: image.sha256 },
    results: result.results.map(({ version, masks }) => ({
      version: version === 0 ? "base" : version,
      masks: masks.map(({ score, stability, bbox, area, point, crop, mask }) => ({
        score,
        stability_score: stability,
        bbox: [...bbox] as [number, number, number, number],
        area,
        point: [...point] as [number, number],
        crop_box: [...crop] as [number, number, number, number],
        ...written(mask),
      })),
    })),
    timing_ms: { ...result.timingMs },
  };
}
