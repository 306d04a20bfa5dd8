/** What a child process runs for read-apart.ts. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeImage } from "../imaging/decode.ts";
import type { ReadingContext } from "../lib/child/messages.ts";
import { Preview, previewed } from "./preview.ts";
import { openDataset } from "./read.ts";
import { Counted } from "./summary.ts";
import type { DatasetItem, DatasetSummary, DatasetEnd, ItemPart, ReadingChoices } from "./types.ts";
import type { DatasetLimits } from "./limits.ts";

export interface DatasetTask {
  readonly zipPath: string;
  /** Where images are written. */
  readonly folder: string;
  readonly limits: Partial<DatasetLimits>;
  readonly choices: Partial<ReadingChoices>;
  readonly maxPixels: number;
  /** Where what is left out is listed, a line of JSON each; null: neither a list nor a picture is made. */
  readonly reportPath: string | null;
}

/** Annotations of one message: a few hundred kilobytes as a rule. */
const partSize = 500;

/** First what the data set is, then its images, each in parts, then what was left out of it. */
export async function* dataset(
  task: DatasetTask,
  { reading }: ReadingContext,
): AsyncGenerator<DatasetSummary | ItemPart | DatasetEnd, void, undefined> {
  const opened = await openDataset(task.zipPath, {
    limits: task.limits,
    choices: task.choices,
    reportPath: task.reportPath,
    reading,
    inspect: async (bytes) => {
      const { data: _, ...facts } = await decodeImage(bytes, task);
      return facts;
    },
  });
  try {
    const { layout, images, annotations, skipped, notes } = opened;
    yield { layout, images, annotations, skipped, notes };
    const preview = new Preview(task.maxPixels);
    const counted = new Counted();
    const step = Math.max(1, Math.floor(images / (2 * previewed)));
    let count = 0;
    for await (const item of opened.items()) {
      counted.add(item);
      if (task.reportPath !== null && count % step === 0 && item.annotations.length > 0)
        await preview.add(item);
      yield* partsOf(item, join(task.folder, `image-${count++}`));
    }
    const picture = await preview.draw();
    const picturePath = picture && join(task.folder, "preview.webp");
    if (picture && picturePath !== null) await writeFile(picturePath, picture);
    yield { ...opened.told(), summary: counted.summary, picturePath };
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
