/** Run in a child process: what decodes others' pictures. Files come and go by their paths. */
import { readFile, writeFile } from "node:fs/promises";
import { decodeBytes, decodeImage } from "../../imaging/decode.ts";
import { resizedImage } from "../../imaging/preprocess.ts";
import { thumbnail as shrink } from "../../imaging/thumbnail.ts";
import { sha256 } from "../../lib/hash.ts";
import { keep, type KeepTask, type ReadMask } from "../workers/masks.ts";
import type { ImageFacts } from "../types.ts";

export interface PictureTask {
  readonly path: string;
  readonly maxPixels: number;
}

export interface PixelsTask extends PictureTask {
  /** Where the pixels go: R, G and B of each, row by row. */
  readonly to: string;
}

interface Sides {
  readonly width: number;
  readonly height: number;
}

/** Bytes of memory that decoding it takes at most. */
export const cost = async ({ path, maxPixels }: PictureTask): Promise<number> =>
  decodeBytes(await readFile(path), { maxPixels });

/** Decodes an image whole and keeps only what it is. */
export async function facts({ path, maxPixels }: PictureTask): Promise<ImageFacts> {
  const { width, height, format, reading } = await decodeImage(await readFile(path), { maxPixels });
  return { width, height, format, ...(reading !== undefined && { reading }) };
}

export async function pixels({ path, maxPixels, to }: PixelsTask): Promise<Sides> {
  const { width, height, data } = await decodeImage(await readFile(path), { maxPixels });
  await writeFile(to, data);
  return { width, height };
}

/** What the encoder sees of a whole image: its pixels at `of`, its own sides beside them. */
export async function resized({
  sha256: expected,
  ...task
}: PixelsTask & { readonly sha256: string }): Promise<Sides & { readonly of: Sides }> {
  const bytes = await readFile(task.path);
  if (sha256(bytes) !== expected) throw new Error(`the image's bytes are not those of ${expected}`);
  const { width, height, ...image } = await decodeImage(bytes, task);
  const { data, ...of } = resizedImage({ width, height, data: image.data });
  await writeFile(task.to, data);
  return { width, height, of };
}

export const thumbnail = async ({
  path,
  ...options
}: PictureTask & { readonly side: number }): Promise<Uint8Array> => shrink(await readFile(path), options);

export const mask = (task: KeepTask): Promise<ReadMask> => keep(task);
