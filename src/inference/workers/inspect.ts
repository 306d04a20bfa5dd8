import { readFile } from "node:fs/promises";
import { decodeImage } from "../../imaging/decode.ts";
import type { RgbImage } from "../../imaging/types.ts";
import { type Outcome, settle } from "../../lib/outcome.ts";
import type { ImageFacts } from "../types.ts";

export interface InspectTask {
  /** The bytes, or the path of a file that has them: a large one needn't pass between threads. */
  readonly bytes: Uint8Array | string;
  readonly maxPixels: number;
}

const bytesOf = async ({ bytes }: InspectTask): Promise<Uint8Array> =>
  typeof bytes === "string" ? readFile(bytes) : bytes;

/** Decodes an image whole and keeps only what it is. */
export default (task: InspectTask): Promise<Outcome<ImageFacts>> =>
  settle(async () => {
    const { width, height, format, reading } = await decodeImage(await bytesOf(task), task);
    return { width, height, format, ...(reading !== undefined && { reading }) };
  });

/** The image's pixels, on shared memory. */
export const pixels = (task: InspectTask): Promise<Outcome<RgbImage>> =>
  settle(async () => {
    const { width, height, data } = await decodeImage(await bytesOf(task), task);
    const shared = new Uint8Array(new SharedArrayBuffer(data.byteLength));
    shared.set(data);
    return { width, height, data: shared };
  });
