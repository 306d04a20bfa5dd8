import { runsBetween, union } from "./polygon-runs.ts";
import { eachRun, packRuns } from "./rle.ts";
import type { RleMask } from "./types.ts";

/** Edges of several masks that are joined at once: hundreds of masks of noise have more than memory holds. */
const mostHeld = 1_000_000;

/**
 * The mask of all pixels that any of some masks of one size holds, made from run lengths alone.
 * Throws AppError mask_rle_invalid, and an Error where there is no mask.
 */
export function rleUnion(masks: readonly RleMask[]): RleMask {
  const [first] = masks;
  if (!first) throw new Error("a union needs a mask");
  const pixels = first.size[0] * first.size[1];
  let [waiting, held]: [Float64Array[], number] = [[], 0];
  for (const { counts } of masks) {
    const edges = edgesOf(counts, pixels);
    waiting.push(edges);
    held += edges.length;
    if (held < mostHeld) continue;
    waiting = [union(waiting)];
    held = waiting[0]?.length ?? 0;
  }
  const edges = union(waiting);
  // What reaches the last pixel has no edge behind it: a run of none would follow.
  const inside = edges.at(-1) === Infinity ? edges.subarray(0, -1) : edges;
  return packRuns(runsBetween(inside, pixels), first.size);
}

/** Where foreground begins and ends, column-major; one that reaches the last pixel has no end. */
function edgesOf(counts: string, pixels: number): Float64Array {
  const edges: number[] = [];
  let position = 0;
  eachRun(counts, pixels, (run) => {
    position += run;
    if (position < pixels) edges.push(position);
  });
  return Float64Array.from(edges);
}
