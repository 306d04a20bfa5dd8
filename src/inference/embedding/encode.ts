import { fits } from "../../domain/model-family.ts";
import { inSpan } from "../../lib/trace.ts";
import type { Pictures } from "../pictures/pictures.ts";
import type { ResizedImage } from "../types.ts";
import type { Pools } from "../workers/pools.ts";
import type { Encode } from "./cache.ts";
import type { Pixels } from "./pixels.ts";

/** Encodes in a worker: an image as its picture is decoded, a part of one or one that is flipped from its kept pixels. */
export function encodeIn(parts: {
  pools: Pick<Pools, "encode">;
  pictures: Pictures;
  pixels: Pixels;
  threads: number;
}): Encode {
  const { pools, pictures, pixels, threads } = parts;
  return async (model, { source, region, flip }, signal) =>
    inSpan("encode", {}, async () => {
      const whole = async (): Promise<ResizedImage> =>
        pictures.resized({ sha256: source.sha256, bytes: await source.bytes() });
      const { encoderInput, family } = model;
      // A child resizes as SAM wants it; the others do it where they are encoded
      const isPart = region !== undefined || flip !== undefined || fits[family] !== "padded";
      const image = isPart ? await pixels.of(source) : await whole();
      signal.throwIfAborted();
      const encoderPath = await model.encoderPath();
      return pools.encode({ image, region, flip, family, encoderPath, encoderInput, threads });
    });
}
