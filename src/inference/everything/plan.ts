import type { Box, Size } from "../../imaging/types.ts";
import { AppError } from "../../lib/errors.ts";
import type { EverythingSettings } from "../../domain/everything.ts";

/** A crop smaller than an image may be could not be encoded sensibly. */
const minCropSide = 8;

export interface PlannedCrop {
  /** In whole pixels of the image. */
  readonly crop: Box;
  /** [x, y] in pixels of the crop. */
  readonly points: readonly (readonly [number, number])[];
}

/**
 * The crops of an image, the whole of it first, each with the points to ask at.
 * Throws AppError image_too_small (param `crop_n_layers`) when crops get too small, invalid_request (params
 * `crop_n_points_downscale_factor`, `point_grids`) when a layer has no points.
 */
export function planEverything(size: Size, settings: EverythingSettings): PlannedCrop[] {
  const grids = settings.pointGrids ?? gridsOf(settings);
  if (grids.length !== settings.cropNLayers + 1) {
    const message = `point_grids has ${grids.length} grids; the image and ${settings.cropNLayers} crop layers need one each`;
    throw new AppError("invalid_request", message, { param: "point_grids" });
  }
  return cropBoxes(size, settings).map(({ crop, layer }) => {
    const [width, height] = [crop[2] - crop[0], crop[3] - crop[1]];
    if (layer > 0 && Math.min(width, height) < minCropSide) {
      const message = `crops of layer ${layer} are ${width} x ${height} pixels; each side needs ${minCropSide}`;
      throw new AppError("image_too_small", message, { param: "crop_n_layers" });
    }
    const grid = grids[layer] as readonly (readonly [number, number])[];
    return { crop, points: grid.map(([x, y]) => [x * width, y * height] as const) };
  });
}

/** How many points the settings ask for, of one version; to be known before any is made. */
export function countPoints(settings: EverythingSettings): number {
  const { pointGrids, pointsPerSide, cropNLayers, cropNPointsDownscaleFactor: factor } = settings;
  const perCrop = (layer: number): number =>
    pointGrids ? (pointGrids[layer]?.length ?? 0) : Math.trunc(pointsPerSide / factor ** layer) ** 2;
  return Array.from({ length: cropNLayers + 1 }, (_, layer) => 4 ** layer * perCrop(layer)).reduce(
    (sum, points) => sum + points,
    0,
  );
}

/** Source: segment-anything utils/amg.py, build_all_layer_point_grids. */
function gridsOf(settings: EverythingSettings): (readonly [number, number])[][] {
  return Array.from({ length: settings.cropNLayers + 1 }, (_, layer) => {
    const perSide = Math.trunc(settings.pointsPerSide / settings.cropNPointsDownscaleFactor ** layer);
    if (perSide < 1) {
      const message = `crop_n_points_downscale_factor leaves layer ${layer} no points of ${settings.pointsPerSide} to a side`;
      throw new AppError("invalid_request", message, { param: "crop_n_points_downscale_factor" });
    }
    return pointGrid(perSide);
  });
}

/** n x n points in the middle of their cells, rows from the top: [x, y] in [0, 1]. Source: utils/amg.py, build_point_grid. */
export function pointGrid(n: number): (readonly [number, number])[] {
  // As numpy.linspace(offset, 1 - offset, n) rounds.
  const offset = 1 / (2 * n);
  const step = n > 1 ? (1 - offset - offset) / (n - 1) : 0;
  const side = Array.from({ length: n }, (_, i) => (i > 0 && i === n - 1 ? 1 - offset : offset + i * step));
  return side.flatMap((y) => side.map((x) => [x, y] as const));
}

/**
 * The whole image, then (2^i)^2 overlapping crops for each layer i, columns from the left, each from the top.
 * Source: utils/amg.py, generate_crop_boxes.
 */
export function cropBoxes(
  [height, width]: Size,
  settings: Pick<EverythingSettings, "cropNLayers" | "cropOverlapRatio">,
): { crop: Box; layer: number }[] {
  const out: { crop: Box; layer: number }[] = [{ crop: [0, 0, width, height], layer: 0 }];
  for (let layer = 1; layer <= settings.cropNLayers; layer++) {
    const perSide = 2 ** layer;
    const overlap = Math.trunc(settings.cropOverlapRatio * Math.min(height, width) * (2 / perSide));
    const cropLength = (side: number): number => Math.ceil((overlap * (perSide - 1) + side) / perSide);
    const [cropWidth, cropHeight] = [cropLength(width), cropLength(height)];
    for (let i = 0; i < perSide; i++) {
      for (let j = 0; j < perSide; j++) {
        const [x0, y0] = [(cropWidth - overlap) * i, (cropHeight - overlap) * j];
        const crop: Box = [x0, y0, Math.min(x0 + cropWidth, width), Math.min(y0 + cropHeight, height)];
        out.push({ crop, layer });
      }
    }
  }
  return out;
}
