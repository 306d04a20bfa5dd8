import { AppError } from "../../lib/errors.ts";

/**
 * What predict says of its own request, said of CVAT's fields. `positive`: how many of the prompt's points were
 * `pos_points`; left out where nothing was drawn, and all but the version is the image's matter.
 */
export function inMessage(error: unknown, positive?: number): unknown {
  if (!(error instanceof AppError) || error.param === undefined || error.param === "version") return error;
  const { param } = error;
  if (positive === undefined || param.startsWith("image")) return error.at("image");
  const point = /^prompts\[0\]\.points\[(\d+)\]/.exec(param)?.[1];
  if (point !== undefined) {
    const at = Number(point);
    return error.at(at < positive ? `pos_points[${at}]` : `neg_points[${at - positive}]`);
  }
  return error.at(param === "prompts[0].box" ? "obj_bbox" : "pos_points");
}
