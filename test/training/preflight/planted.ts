import type { ProjectScope } from "../../../src/db/queries/scope.ts";
import { annotations, images } from "../../../src/db/schema/index.ts";
import { areaOf, boxOf } from "../../../src/imaging/geometry.ts";
import { encodeRle } from "../../../src/imaging/rle.ts";
import type { BinaryMask, Box, RgbImage } from "../../../src/imaging/types.ts";
import { sha256 } from "../../../src/lib/hash.ts";
import { newId } from "../../../src/lib/ids.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { keys } from "../../../src/storage/keys.ts";
import { asPng } from "../../worlds/images.ts";
import { ringImage } from "../../worlds/rings.ts";
import type { Bench } from "../../worlds/trainer.ts";

/** Stores an image; its id. */
export async function addImage(
  { services: { db, store } }: Bench,
  scope: ProjectScope,
  image: RgbImage,
  options: { bytes?: Buffer; group?: string; knownEmpty?: boolean } = {},
): Promise<string> {
  const bytes = options.bytes ?? (await asPng(image));
  const hash = sha256(bytes);
  const objectKey = keys.image(scope.projectId, hash);
  await store.put(objectKey, bytes);
  const id = newId("img");
  const { width, height } = image;
  await db.insert(images).values({
    ...scope,
    id,
    sha256: hash,
    objectKey,
    bytes: bytes.length,
    format: "png",
    width,
    height,
    splitGroup: options.group ?? null,
    knownEmpty: options.knownEmpty ?? false,
  });
  return id;
}

/** Draws a mask on an image, with its own box unless another is given; its id. */
export async function addMark(
  { services: { db } }: Bench,
  scope: ProjectScope,
  imageId: string,
  mask: BinaryMask,
  box: Box = boxOf(mask),
): Promise<string> {
  const id = newId("ann");
  await db.insert(annotations).values({
    ...scope,
    id,
    imageId,
    counts: encodeRle(mask).counts,
    // The table refuses 0, but an empty mask can come by plain SQL.
    area: Math.max(1, areaOf(mask)),
    box: [...box],
    source: "api",
  });
  return id;
}

/** A ring and its mask, faultless. */
export async function addRing(
  bench: Bench,
  scope: ProjectScope,
  seed: number,
  group?: string,
): Promise<{ imageId: string; annotationId: string; image: RgbImage; mask: BinaryMask }> {
  const { image, mask } = ringImage(seed);
  const imageId = await addImage(bench, scope, image, group === undefined ? {} : { group });
  return { image, mask, imageId, annotationId: await addMark(bench, scope, imageId, mask) };
}

/** The ink of ringImage. */
const blue = [40, 50, 140] as const;
export const red = [140, 50, 40] as const;

/** Paper and ink of a ring image, the ink just where the mask is. */
export function printed(mask: BinaryMask, ink: readonly [number, number, number] = blue): RgbImage {
  const random = seededRandom(mask.data.length);
  const { width, height } = mask;
  const data = new Uint8Array(width * height * 3);
  for (const [p, on] of mask.data.entries()) {
    const grain = random.below(15) - 7;
    for (const [c, value] of (on === 1 ? ink : ([230, 226, 215] as const)).entries())
      data[p * 3 + c] = value + grain;
  }
  return { width, height, data };
}

/** A mask of the pixels from `hole` to `radius` away from (x, y). */
export function ringMask(
  [width, height]: readonly [number, number],
  { x, y, radius, hole }: { x: number; y: number; radius: number; hole: number },
): BinaryMask {
  const data = new Uint8Array(width * height);
  for (const p of data.keys()) {
    const distance = Math.hypot((p % width) + 0.5 - x, Math.floor(p / width) + 0.5 - y);
    data[p] = distance <= radius && distance > hole ? 1 : 0;
  }
  return { width, height, data };
}
