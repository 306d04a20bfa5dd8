import { sha256 } from "../lib/hash.ts";
import { joined } from "./objects.ts";
import type { PlannedImage } from "./plan.ts";
import { fileError, isFileChanged } from "./problems.ts";
import type { ArchiveReader } from "./archive.ts";

/**
 * Images with the very same bytes become one, under the first name, with the annotations of all: a project holds the same
 * bytes once, and copies on both sides of a split would make held-out scores a lie. Only files of equal length and print
 * are read for it. Throws AppError import_file_invalid when COCO puts them in different groups.
 */
export async function mergeDuplicates(
  zip: ArchiveReader,
  images: readonly PlannedImage[],
  signal?: AbortSignal,
): Promise<PlannedImage[]> {
  const alike = new Map<string, PlannedImage[]>();
  for (const [bytes, some] of Map.groupBy(images, ({ name }) => zip.entries.get(name)?.bytes)) {
    for (const image of some) {
      const print = some.length === 1 ? "" : await zip.print(image.name, signal);
      const key = `${bytes}:${print}`;
      const there = alike.get(key);
      if (there) there.push(image);
      else alike.set(key, [image]);
    }
  }
  const merged = new Map<string, PlannedImage>();
  for (const candidates of alike.values()) {
    for (const image of candidates) {
      const key = candidates.length === 1 ? `name:${image.name}` : await contentOf(zip, image, signal);
      const first = merged.get(key);
      merged.set(key, first ? join(first, image) : image);
    }
  }
  return [...merged.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A file that has gone since is like no other; its own time will tell why. */
const contentOf = (zip: ArchiveReader, { name }: PlannedImage, signal?: AbortSignal): Promise<string> =>
  zip.read(name, signal).then(sha256, (error: unknown) => {
    if (isFileChanged(error)) return `name:${name}`;
    throw error;
  });

function join(first: PlannedImage, second: PlannedImage): PlannedImage {
  if (first.group != null && second.group != null && first.group !== second.group) {
    throw fileError(
      second.name,
      `is the same image as ${first.name}, but in the group ${second.group} and not ${first.group}`,
    );
  }
  return { ...joined(first, second), alsoNamed: [...first.alsoNamed, second.name] };
}
