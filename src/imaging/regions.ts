import type { BinaryMask } from "./types.ts";

/** Pixels of one value side by side in one row, and the region that they belong to. */
interface Runs {
  /** y, first x, x after the last; three numbers to a run, rows from the top, runs from the left. */
  readonly spans: Int32Array;
  /** A region's number, for each run: the number of the first run that belongs to it. */
  readonly region: Int32Array;
  /** Pixels of each region, at its number. */
  readonly sizes: Float64Array;
}

/**
 * Fills holes, or removes islands, of fewer than `minArea` pixels; pixels that touch at a corner are one region. Of
 * islands that are all too small the largest stays, of several the first from the top. Background that reaches the
 * image's edge counts as a hole as well. A mask that has nothing to change is returned itself.
 * Source: segment-anything utils/amg.py, remove_small_regions (there by OpenCV's connectedComponentsWithStats).
 */
export function removeSmallRegions(
  mask: BinaryMask,
  minArea: number,
  mode: "holes" | "islands",
): { mask: BinaryMask; changed: boolean } {
  const value = mode === "holes" ? 0 : 1;
  const { spans, region, sizes } = connectedRuns(mask, value);
  const firsts = [...region.keys()].filter((run) => region[run] === run);
  const small = firsts.filter((first) => (sizes[first] as number) < minArea);
  if (small.length === 0) return { mask, changed: false };
  const flipped = new Set(small);
  if (mode === "islands" && small.length === firsts.length) flipped.delete(largest(small, sizes));
  const data = mask.data.slice();
  for (let run = 0; run < region.length; run++) {
    if (!flipped.has(region[run] as number)) continue;
    const row = (spans[3 * run] as number) * mask.width;
    data.fill(1 - value, row + (spans[3 * run + 1] as number), row + (spans[3 * run + 2] as number));
  }
  // As the source has it, a mask counts as changed even where its only region was small and stays.
  return { mask: { ...mask, data }, changed: true };
}

/** The regions of `value` in a mask, 8-connected: runs of rows, joined by union-find where rows touch. */
function connectedRuns(mask: BinaryMask, value: number): Runs {
  const spans = runsOfRows(mask, value);
  const count = spans.length / 3;
  const region = Int32Array.from({ length: count }, (_, run) => run);
  const find = (run: number): number => {
    let root = run;
    while (region[root] !== root) root = region[root] as number;
    for (let at = run; at !== root;) {
      const next = region[at] as number;
      region[at] = root;
      at = next;
    }
    return root;
  };
  for (let run = 0, above = 0; run < count; run++) {
    const [y, from, to] = [
      spans[3 * run] as number,
      spans[3 * run + 1] as number,
      spans[3 * run + 2] as number,
    ];
    // Runs above that end before this one can touch neither it nor any to its right.
    while ((spans[3 * above] as number) < y - 1) above++;
    while ((spans[3 * above] as number) === y - 1 && (spans[3 * above + 2] as number) < from) above++;
    for (let a = above; (spans[3 * a] as number) === y - 1 && (spans[3 * a + 1] as number) <= to; a++) {
      const [p, q] = [find(a), find(run)];
      // The lower number wins, so that a region is called by its first run.
      region[Math.max(p, q)] = Math.min(p, q);
    }
  }
  const sizes = new Float64Array(count);
  for (let run = 0; run < count; run++) {
    const root = find(run);
    region[run] = root;
    sizes[root] = (sizes[root] as number) + (spans[3 * run + 2] as number) - (spans[3 * run + 1] as number);
  }
  return { spans, region, sizes };
}

function runsOfRows({ width, height, data }: BinaryMask, value: number): Int32Array {
  const spans: number[] = [];
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * width, (y + 1) * width);
    for (let from = row.indexOf(value); from !== -1;) {
      const end = row.indexOf(1 - value, from);
      spans.push(y, from, end === -1 ? width : end);
      from = end === -1 ? -1 : row.indexOf(value, end);
    }
  }
  return Int32Array.from(spans);
}

const largest = (regions: readonly number[], sizes: Float64Array): number =>
  regions.reduce((best, one) => ((sizes[one] as number) > (sizes[best] as number) ? one : best));
