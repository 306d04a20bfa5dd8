import type { ArchiveReader } from "./archive.ts";
import { isImageName } from "./paths.ts";
import type { PlannedImage } from "./plan.ts";

/**
 * Parts what is to be read from what an import before this one has read: an image is settled where it and all files that
 * its masks stand in are as they were. A file that has changed and holds no mask (names of classes, groups) may change what
 * all others mean, so that nothing is settled then.
 */
export async function partSettled(
  zip: ArchiveReader,
  images: readonly PlannedImage[],
  signal?: AbortSignal,
): Promise<{ readonly open: readonly PlannedImage[]; readonly settled: readonly PlannedImage[] }> {
  const { seen } = zip;
  if (!seen || seen.size === 0) return { open: images, settled: [] };
  const holders = new Set<string>();
  const settled = new Set<PlannedImage>();
  for (const image of images) {
    signal?.throwIfAborted();
    const masks = await image.masks(signal);
    for (const { place } of masks) holders.add(place.file);
    if (seen.has(image.name) && masks.every(({ place }) => seen.has(place.file))) settled.add(image);
  }
  const others = [...zip.entries.keys()].some(
    (name) => !seen.has(name) && !isImageName(name) && !holders.has(name),
  );
  if (others) return { open: images, settled: [] };
  return {
    open: images.filter((image) => !settled.has(image)),
    settled: images.filter((image) => settled.has(image)),
  };
}
