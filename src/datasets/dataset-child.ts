/** What a child process runs for read-apart.ts. */
import { writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { decodeBytes, decodeImage } from "../imaging/decode.ts";
import { mostDecodeBytes } from "../imaging/decode-cost.ts";
import { quickFacts } from "../imaging/quick-facts.ts";
import type { ReadingContext } from "../lib/child/messages.ts";
import { createMemoryBudget } from "../lib/memory-budget.ts";
import { previewOf } from "./preview.ts";
import { openDataset } from "./read.ts";
import { Counted } from "./summary.ts";
import type { DatasetItem, DatasetEnd, ItemPart, OpenedApart, ReadingChoices, WalkMark } from "./types.ts";
import type { DatasetLimits } from "./limits.ts";

export interface DatasetTask {
  /** A zip, a TAR, a folder, or a listing of files that lie elsewhere. */
  readonly path: string;
  readonly listed?: boolean | undefined;
  /** Where images are written, and what is needed meanwhile. */
  readonly folder: string;
  readonly limits: Partial<DatasetLimits>;
  readonly choices: Partial<ReadingChoices>;
  readonly maxPixels: number;
  /** Where what is left out is listed, a line of JSON each; null: neither a list nor a picture is made. */
  readonly reportPath: string | null;
  /** Where an attempt before this one stood; see walk.ts. */
  readonly from?: Omit<WalkMark, "lines"> | null | undefined;
  /** Images that are opened at once; 1 tells for certain which one is at fault. */
  readonly ahead?: number | undefined;
}

// Pictures are opened several at once, which threads for each would only slow down.
sharp.concurrency(1);

/** Annotations of one message: a few hundred kilobytes as a rule. */
const partSize = 500;
/** Images of one: a message an image would take as long as a small image itself. */
const mostTogether = 32;
/** A mark comes at the end of an image, once so much has come since the one before. */
const markEvery = { images: 500, annotations: 1000, bytes: 2 * 1024 * 1024 };

/** First what the data set is, then its images, each in parts, with marks between them, then what was left out of it. */
export async function* dataset(
  task: DatasetTask,
  { reading }: ReadingContext,
): AsyncGenerator<OpenedApart | readonly ItemPart[] | WalkMark | DatasetEnd, void, undefined> {
  // One key holds three quarters of a budget.
  const room = createMemoryBudget(Math.ceil((mostDecodeBytes(task.maxPixels) * 4) / 3));
  const opened = await openDataset(task.path, {
    limits: task.limits,
    choices: task.choices,
    listed: task.listed,
    reportPath: task.reportPath,
    work: join(task.folder, "reading"),
    reading,
    inspect: async (bytes) => {
      const quick = await quickFacts(bytes, task);
      if (quick) return quick;
      // Together, pictures that are opened at once take no more memory than one may.
      const cost = Math.min(await decodeBytes(bytes, task), room.most);
      return room.hold(cost, { by: "pictures", waitMs: 3_600_000 }, async () => {
        const { data: _, ...facts } = await decodeImage(bytes, task);
        return facts;
      });
    },
  });
  try {
    const { layout, images, annotations, skipped, notes } = opened;
    const from = task.from && opened.goesOn(task.from.walk) ? task.from : null;
    yield { layout, images, annotations, skipped, notes, first: from?.walk.next ?? 0 };
    const counted = new Counted(from?.counted);
    const mark = (): WalkMark => ({
      walk: opened.state(),
      counted: counted.state,
      lines: opened.takeLines(),
    });
    let count = 0;
    const parts: ItemPart[] = [];
    let since = { images: 0, annotations: 0, bytes: 0 };
    for await (const item of opened.items({ from: from?.walk, ahead: task.ahead })) {
      counted.add(item);
      for (const part of partsOf(item, join(task.folder, `image-${count++}`))) {
        if (!fits(parts, part)) yield parts.splice(0);
        parts.push(part);
      }
      since.images++;
      since.annotations += item.annotations.length;
      for (const { counts } of item.annotations) since.bytes += counts.length;
      if (!isDue(since)) continue;
      yield parts.splice(0);
      yield mark();
      since = { images: 0, annotations: 0, bytes: 0 };
    }
    if (parts.length > 0) yield parts;
    if (since.images > 0) yield mark();
    const picture = task.reportPath === null ? null : await previewOf(opened, task.maxPixels);
    const picturePath = picture && join(task.folder, "preview.webp");
    if (picture && picturePath !== null) await writeFile(picturePath, picture);
    yield { ...opened.told(), summary: counted.summary, picturePath };
  } finally {
    await opened.close();
  }
}

const isDue = (since: typeof markEvery): boolean =>
  since.images >= markEvery.images ||
  since.annotations >= markEvery.annotations ||
  since.bytes >= markEvery.bytes;

const fits = (parts: readonly ItemPart[], { annotations }: ItemPart): boolean =>
  parts.length < mostTogether &&
  parts.reduce((sum, part) => sum + part.annotations.length, annotations.length) <= partSize;

/** An image's file, and what is said of it. */
function partsOf({ bytes, annotations, ...item }: DatasetItem, path: string): readonly ItemPart[] {
  // At once: nobody else waits in this process, and a thread takes longer to wake up than a small file to write.
  writeFileSync(path, bytes);
  const parts: ItemPart[] = [];
  for (let from = 0; from === 0 || from < annotations.length; from += partSize)
    parts.push({
      ...item,
      byteLength: bytes.length,
      path: from === 0 ? path : null,
      annotations: annotations.slice(from, from + partSize),
    });
  return parts;
}
