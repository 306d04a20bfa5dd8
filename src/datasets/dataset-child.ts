/** What a child process runs for read-apart.ts. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeImage } from "../imaging/decode.ts";
import type { ReadingContext } from "../lib/child/messages.ts";
import { openDataset } from "./read.ts";
import type { DatasetItem, DatasetLimits, DatasetSummary, ItemPart } from "./types.ts";

export interface DatasetTask {
  readonly zipPath: string;
  /** Where images are written. */
  readonly folder: string;
  readonly limits: Partial<DatasetLimits>;
  readonly maxPixels: number;
}

/** Annotations of one message: a few hundred kilobytes as a rule. */
const partSize = 500;

/** First what the data set is, then its images, each in parts. */
export async function* dataset(
  task: DatasetTask,
  { reading }: ReadingContext,
): AsyncGenerator<DatasetSummary | ItemPart, void, undefined> {
  const opened = await openDataset(task.zipPath, {
    limits: task.limits,
    reading,
    inspect: async (bytes) => {
      const { width, height, format } = await decodeImage(bytes, task);
      return { width, height, format };
    },
  });
  try {
    const { layout, images, annotations, skipped } = opened;
    yield { layout, images, annotations, skipped };
    let count = 0;
    for await (const item of opened.items()) yield* partsOf(item, join(task.folder, `image-${count++}`));
  } finally {
    await opened.close();
  }
}

async function* partsOf(
  { bytes, annotations, ...item }: DatasetItem,
  path: string,
): AsyncGenerator<ItemPart, void, undefined> {
  await writeFile(path, bytes);
  for (let from = 0; from === 0 || from < annotations.length; from += partSize)
    yield {
      ...item,
      byteLength: bytes.length,
      path: from === 0 ? path : null,
      annotations: annotations.slice(from, from + partSize),
    };
}
