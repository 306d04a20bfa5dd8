import { inSpan } from "../../lib/trace.ts";
import type { Pools } from "../workers/pools.ts";
import type { Encode } from "./cache.ts";
import type { PictureRoom } from "./picture-room.ts";
import type { Pixels } from "./pixels.ts";

/** Encodes in a worker: an image from its bytes, a part of one or one that is flipped from its kept pixels. */
export function encodeIn(parts: {
  pools: Pick<Pools, "encode">;
  room: PictureRoom;
  pixels: Pixels;
  threads: number;
  maxPixels: number;
}): Encode {
  const { pools, room, pixels, threads, maxPixels } = parts;
  return async (model, { source, region, flip }, signal) =>
    inSpan("encode", {}, async () => {
      const image =
        region || flip ? await pixels.of(source) : { sha256: source.sha256, bytes: await source.bytes() };
      signal.throwIfAborted();
      const task = {
        image,
        region,
        flip,
        encoderPath: await model.encoderPath(),
        encoderInput: model.encoderInput,
        threads,
        maxPixels,
      };
      return "bytes" in image ? room.with(image.bytes, () => pools.encode(task)) : pools.encode(task);
    });
}
