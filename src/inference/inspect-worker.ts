import { decodeImage } from "../imaging/decode.ts";
import type { RgbImage } from "../imaging/types.ts";
import { type Outcome, settle } from "./outcome.ts";
import type { ImageFacts } from "./types.ts";

export interface InspectTask {
  readonly bytes: Uint8Array;
  readonly maxPixels: number;
}

/** Decodes an image whole and keeps only what it is. */
export default (task: InspectTask): Promise<Outcome<ImageFacts>> =>
  settle(async () => {
    const { width, height, format } = await decodeImage(task.bytes, task);
    return { width, height, format };
  });

/** The image's pixels, on shared memory. */
export const pixels = (task: InspectTask): Promise<Outcome<RgbImage>> =>
  settle(async () => {
    const { width, height, data } = await decodeImage(task.bytes, task);
    const shared = new Uint8Array(new SharedArrayBuffer(data.byteLength));
    shared.set(data);
    return { width, height, data: shared };
  });
