import type { ProjectScope } from "../../../src/db/queries/scope.ts";
import { annotations, images } from "../../../src/db/schema/index.ts";
import { areaOf, boxOf } from "../../../src/imaging/geometry.ts";
import { encodeRle } from "../../../src/imaging/rle.ts";
import type { BinaryMask, Box, RgbImage } from "../../../src/imaging/types.ts";
import { sha256 } from "../../../src/lib/hash.ts";
import { newId } from "../../../src/lib/ids.ts";
import { keys } from "../../../src/storage/keys.ts";
import { asPng } from "../../helpers/images.ts";
import { type Bench, ringImage } from "../../scenario/harness.ts";

/** Stores an image; its id. */
export async function addImage(
  { services: { db, store } }: Bench,
  scope: ProjectScope,
  image: RgbImage,
  options: { bytes?: Buffer; group?: string } = {},
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
