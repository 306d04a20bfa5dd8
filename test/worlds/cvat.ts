import { readFileSync } from "node:fs";

/**
 * Messages as the server of CVAT 2.54.1 sends them to its functions: made by peers/cvat_functions.py, and held to it by
 * test/peers. Their image is to be put in; it has 120 x 90 pixels.
 */
export const cvatMessage = (
  name: "interactor" | "interactor-click" | "detector" | "detector-default",
): CvatMessage =>
  JSON.parse(
    readFileSync(new URL(`../routes/reference/cvat-${name}.json`, import.meta.url), "utf8"),
  ) as CvatMessage;

export interface CvatMessage {
  image: string;
  threshold?: number;
  pos_points: [number, number][];
  neg_points: [number, number][];
  obj_bbox: [number, number][];
}
