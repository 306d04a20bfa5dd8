/** Run in a child process: what decodes others' pictures. Files come and go by their paths. */
import { readFile, writeFile } from "node:fs/promises";
import sharp from "sharp";
import { decodeBytes, decodeImage } from "../../imaging/decode.ts";
import { lookBytes, lookThrough } from "../../imaging/look-through.ts";
import { resizedImage } from "../../imaging/preprocess.ts";
import { thumbnail as shrink } from "../../imaging/thumbnail.ts";
import { sha256 } from "../../lib/hash.ts";
import { keep, type KeepTask, type ReadMask } from "../workers/masks.ts";
import type { ImageFacts } from "../types.ts";

// No picture comes again.
sharp.cache(false);

export interface PictureTask {
  readonly path: string;
  readonly maxPixels: number;
  /** Bytes of memory that may be taken for it. */
  readonly room: number;
}

/** What was asked for, or how many bytes of memory that takes at most, where it is more than there may be. */
export type Roomy<T> = { readonly value: T } | { readonly cost: number };

export interface PixelsTask extends PictureTask {
  /** Where the pixels go: R, G and B of each, row by row. */
  readonly to: string;
}

interface Sides {
  readonly width: number;
  readonly height: number;
}

/** Only the header is read before it is known whether there is room. */
async function inRoom<T>(
  { path, maxPixels, room }: PictureTask,
  work: (bytes: Uint8Array) => Promise<T>,
  costOf: typeof lookBytes = decodeBytes,
): Promise<Roomy<T>> {
  const bytes = await readFile(path);
  const cost = await costOf(bytes, { maxPixels });
  return cost > room ? { cost } : { value: await work(bytes) };
}

/** Reads an image to its end and keeps only what it is. */
export const facts = (task: PictureTask): Promise<Roomy<ImageFacts>> =>
  inRoom(
    task,
    async (bytes) => {
      const { width, height, format, reading } = await lookThrough(bytes, task);
      return { width, height, format, ...(reading !== undefined && { reading }) };
    },
    lookBytes,
  );

export const pixels = (task: PixelsTask): Promise<Roomy<Sides>> =>
  inRoom(task, async (bytes) => {
    const { width, height, data } = await decodeImage(bytes, task);
    await writeFile(task.to, data);
    return { width, height };
  });

/** What the encoder sees of a whole image: its pixels at `of`, its own sides beside them. */
export const resized = (
  task: PixelsTask & { readonly sha256: string },
): Promise<Roomy<Sides & { readonly of: Sides }>> =>
  inRoom(task, async (bytes) => {
    if (sha256(bytes) !== task.sha256) throw new Error(`the image's bytes are not those of ${task.sha256}`);
    const { width, height, ...image } = await decodeImage(bytes, task);
    const { data, ...of } = resizedImage({ width, height, data: image.data });
    await writeFile(task.to, data);
    return { width, height, of };
  });

export const thumbnail = (task: PictureTask & { readonly side: number }): Promise<Roomy<Uint8Array>> =>
  inRoom(task, (bytes) => shrink(bytes, task));

export const mask = (task: KeepTask): Promise<ReadMask> => keep(task);
