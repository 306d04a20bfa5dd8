import { mostDecodeBytes } from "../imaging/decode-cost.ts";
import { ChildStopped } from "../lib/child/limits.ts";
import { ChildPool } from "../lib/child/pool.ts";
import type * as datasetChild from "./dataset-child.ts";
import type { DatasetTask } from "./dataset-child.ts";
import { fileError, archiveError } from "./problems.ts";
import type { DatasetEnd, ItemPart, OpenedApart, WalkMark } from "./types.ts";

const MiB = 1024 * 1024;

/** V8's heap of a child: a million annotations take 12 MB of it, 50,000 images 50. */
const heapMiB = 384;
/** What a child takes beside its heap and one image. */
const restMiB = 256;

/** A data set that a child process reads. */
export interface DatasetApart extends OpenedApart {
  /**
   * Every image in the order of names, one with many annotations in several parts, and marks between them. An image's file
   * is the caller's to remove. Can be walked again, from the first image on. Throws as `openDataset` does.
   */
  items(): AsyncGenerator<ItemPart | WalkMark, void, undefined>;
  /** What came of it; undefined before `items` has been walked to its end. */
  end(): DatasetEnd | undefined;
  close(): Promise<void>;
}

/** By the pixels that an image may have, which is one number in a process. */
const pools = new Map<number, ChildPool<typeof datasetChild>>();

function poolFor(maxPixels: number): ChildPool<typeof datasetChild> {
  // While an image is decoded the heap holds little: rows lie on disk.
  const memoryMiB = restMiB + Math.max(heapMiB, Math.ceil(mostDecodeBytes(maxPixels) / MiB));
  const pool =
    pools.get(maxPixels) ??
    new ChildPool<typeof datasetChild>({
      module: new URL("./dataset-child.ts", import.meta.url),
      limits: { heapMiB, memoryMiB, silenceMs: 20 * 60_000, valueMiB: 256 },
      most: 2,
    });
  pools.set(maxPixels, pool);
  return pool;
}

/**
 * Opens an archive as `openDataset` does, in a child process: a file in it that takes more memory than is allowed, or makes a
 * decoder crash, fails the import by its name and nothing else. Throws as `openDataset` does.
 */
export async function readApart(task: DatasetTask, signal?: AbortSignal): Promise<DatasetApart> {
  const pool = poolFor(task.maxPixels);
  const open = (given: DatasetTask) => pool.stream("dataset", given, { signal });
  let opened: ReturnType<typeof open> | undefined = open(task);
  const first = await opened.next().catch(named);
  if (first.done) throw new Error("a data set's child said nothing of it");
  const summary = first.value as OpenedApart;
  let end: DatasetEnd | undefined;
  return {
    ...summary,
    end: () => end,
    items: async function* () {
      const stream = opened ?? open({ ...task, reportPath: null, from: null });
      const isAgain = opened === undefined;
      opened = undefined;
      try {
        if (isAgain) await stream.next();
        for (;;) {
          const next = await stream.next().catch(named);
          if (next.done) return;
          const { value } = next;
          if (Array.isArray(value)) yield* value as ItemPart[];
          else if ("walk" in value) yield value;
          else if ("picturePath" in value && !isAgain) end = value;
        }
      } finally {
        await stream.return();
      }
    },
    close: async () => {
      await opened?.return();
    },
  };
}

/** What ended a child is the fault of the file that it read; other errors are returned as they are. */
export function faultOf(error: unknown): unknown {
  if (!(error instanceof ChildStopped)) return error;
  return error.file === null
    ? archiveError(`it can't be read: ${error.message}`)
    : fileError(error.file, error.message, error);
}

function named(error: unknown): never {
  throw faultOf(error) as Error;
}
