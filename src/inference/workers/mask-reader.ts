import { setImmediate as nextTurn } from "node:timers/promises";
import { rleIou } from "../../imaging/mask-facts.ts";
import type { RleMask, WireMask } from "../../imaging/types.ts";
import type { MemoryBudget } from "../../lib/memory-budget.ts";
import { workerPool } from "../../lib/worker-pool.ts";
import type { Pictures } from "../pictures/pictures.ts";
import type * as masks from "./masks.ts";
import {
  brushOf,
  type CutTask,
  keep,
  type KeepTask,
  type OutlinedCut,
  outlinedCut,
  type ReadMask,
} from "./masks.ts";

const MiB = 1024 * 1024;
/** What is read in a millisecond or so is read where it came. */
const [inlineText, inlinePixels, inlineCrossings] = [16 * 1024, 512 * 512, 20_000];
/** Less is not asked for. */
const freeBytes = 4 * MiB;

/**
 * Reads masks that requests carry: in a thread of its own where that takes longer than a millisecond, and those that are
 * pictures in another process.
 */
export interface MaskReader {
  /** `by`: whose memory it is. Throws what keptMask throws, and AppError memory_exceeded, overloaded. */
  keep(task: KeepTask, by: string): Promise<ReadMask>;
  /** Intersection over union of two masks of one size. Throws AppError mask_rle_invalid. */
  iou(a: RleMask, b: RleMask): Promise<number>;
  /** The mask as bytes of Label Studio's brush; see imaging/brush-rle.ts. Throws AppError mask_rle_invalid. */
  brush(rle: RleMask): Promise<Uint8Array>;
  /** The mask's pixels in its own box, in memory that its caller holds; see outlinedCut. Throws AppError mask_rle_invalid. */
  cut(task: CutTask): Promise<OutlinedCut | null>;
  close(): Promise<void>;
}

/**
 * Bytes that reading a mask takes at most, by the copies that are made. A PNG is drawn as its header
 * says; run lengths and polygons cost what they are long.
 */
export function maskCost({ wire, size }: KeepTask): number {
  const pixels = size[0] * size[1];
  if (wire.format === "png") return (drawnBytes(wire.data) + 2) * pixels + 3 * wire.data.length;
  if (wire.format === "rle") return 6 * wire.counts.length;
  if (wire.format === "brush") return 2 * pixels + wire.rle.length;
  if (wire.format === "logits") return 3 * wire.data.length;
  const crossings = crossingsIn(wire.polygons);
  return 40 * Math.min(crossings, pixels) + pixels / 8;
}

export function createMaskReader(memory: MemoryBudget, pictures: Pick<Pictures, "mask">): MaskReader {
  // A thread's heap still holds what it read last.
  const pool = workerPool<typeof masks>({
    module: new URL("./masks.ts", import.meta.url),
    threads: 1,
    idleMs: 10_000,
  });
  const [keepApart, iouApart] = [pool.of("keepApart"), pool.of("iou")];
  const [brushApart, cutApart] = [pool.of("brushApart"), pool.of("cutApart")];
  return {
    keep: async (task, by) => {
      if (isLight(task)) return keep(task);
      const run = (): Promise<ReadMask> =>
        task.wire.format === "png" ? pictures.mask(task) : keepApart(task);
      const bytes = maskCost(task);
      if (bytes <= freeBytes) return run();
      const hint = "Send it as run lengths, or in fewer corners.";
      return memory.hold(bytes, { by, what: "Reading this mask", hint, param: "mask" }, run);
    },
    iou: async (a, b) => {
      if (a.counts.length + b.counts.length <= inlineText) return rleIou(a, b);
      return iouApart([a, b]);
    },
    brush: async (rle) => (isSmall(rle) ? amongOthers(() => brushOf(rle)) : brushApart(rle)),
    // An outline takes ten times as long as the pixels.
    cut: async (task) =>
      isSmall(task.rle) && !task.outline ? amongOthers(() => outlinedCut(task)) : cutApart(task),
    close: () => pool.close(),
  };
}

const isSmall = ({ size: [height, width], counts }: RleMask): boolean =>
  height * width <= inlinePixels && counts.length <= inlineText;

/** Callers have a hundred masks, one after the other: whoever waits for the thread has a turn before each. */
async function amongOthers<T>(work: () => T): Promise<T> {
  await nextTurn();
  return work();
}

function isLight({ wire, size }: KeepTask): boolean {
  if (wire.format === "png") return false;
  if (wire.format === "rle") return wire.counts.length <= inlineText;
  if (wire.format === "polygon") return crossingsIn(wire.polygons) <= inlineCrossings;
  return size[0] * size[1] <= inlinePixels;
}

/** Bytes of a pixel of a PNG, as its header says (depth, then colour type); at most where it is none. */
function drawnBytes(data: string): number {
  const [depth = 16, colour = 6] = Buffer.from(data.slice(0, 48), "base64").subarray(24, 26);
  const channels = [1, 4, 3, 4, 2, 4, 4][colour] ?? 4;
  return channels * (depth > 8 ? 2 : 1);
}

/** Columns that the edges cross at most, each corner counted as one more; 0 where a corner is no number, which is refused. */
function crossingsIn(polygons: Extract<WireMask, { format: "polygon" }>["polygons"]): number {
  let sum = 0;
  for (const ring of polygons) {
    for (let i = 0; i < ring.length; i += 2)
      sum += Math.abs((ring[(i + 2) % ring.length] as number) - (ring[i] as number)) + 1;
  }
  return Number.isFinite(sum) ? Math.ceil(sum) : 0;
}
