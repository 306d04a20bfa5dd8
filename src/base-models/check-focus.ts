import { readHead } from "../imaging/points/head.ts";
import type { Focus } from "../domain/focus.ts";

/** Throws an Error where a focus of foreign origin, though well-formed, has a point head that can't be used here. */
export function checkFocus({ refine }: Focus): void {
  if (refine && "point_head" in refine) readHead(refine);
}
