/** Which of a zip's pictures are photographs, and which their masks. */
import { meantBy } from "../../imaging/mask-meaning.ts";
import { sample } from "../masks.ts";
import { commonFolders, type NamedPath, readPath } from "../names.ts";
import { baseStemOf, folderOf, isLossyName, isScanName } from "../paths.ts";
import type { FormatContext } from "../types.ts";

export interface Sides {
  readonly images: readonly NamedPath[];
  readonly masks: readonly NamedPath[];
  /** Pictures with masks drawn over them. */
  readonly drawings: readonly NamedPath[];
}

/**
 * By the words in the names of folders and files; where they say nothing, by what is in them: of two files of one stem, in
 * one folder or in two, the one that has a mask's values. A side without the other is photographs.
 */
export async function sidesOf(paths: readonly string[], context: FormatContext): Promise<Sides> {
  const common = commonFolders(paths);
  const named = paths.map((path) => readPath(path, common));
  const keys = new Set(named.filter(({ role }) => role !== "drawing").map(({ stem }) => stem.key));
  const drawings = named.filter(({ role, stem }) => role === "drawing" && keys.has(stem.key));
  const drawn = new Set(drawings);
  const rest = named.filter((one) => !drawn.has(one));
  const masks = rest.filter(({ role }) => role === "mask");
  const images = rest.filter(({ role }) => role !== "mask");
  if (masks.length > 0 && images.length > 0) return { images, masks, drawings };
  if (masks.length > 0) return { images: rest, masks: [], drawings };
  const byContent = await maskFolders(images, context);
  const inFolder = byContent ?? (await masksBeside(images, context));
  if (!inFolder) return { images, masks: [], drawings };
  return {
    images: images.filter((one) => !inFolder.has(one)),
    masks: images.filter((one) => inFolder.has(one)),
    drawings,
  };
}

/** `x.png` beside `x.jpg`, if it is a mask to look at. */
async function masksBeside(
  images: readonly NamedPath[],
  context: FormatContext,
): Promise<Set<NamedPath> | null> {
  const byStem = Map.groupBy(images, ({ path }) => folderOf(path) + baseStemOf(path).toLowerCase());
  const pairs = [...byStem.values()].filter((group) => group.length === 2);
  if (pairs.length === 0) return null;
  const candidates = pairs.flatMap((pair) => {
    const lossless = pair.filter(({ path }) => !isLossyName(path));
    const drawn = lossless.length === 2 ? lossless.filter(({ path }) => !isScanName(path)) : lossless;
    return drawn.length === 1 ? drawn : [];
  });
  return (await areMasks(candidates, context)) ? new Set(candidates) : null;
}

/** The one of two folders with the same stems that holds masks. */
async function maskFolders(
  images: readonly NamedPath[],
  context: FormatContext,
): Promise<Set<NamedPath> | null> {
  const folders = [...Map.groupBy(images, ({ path }) => folderOf(path)).values()];
  const found = new Set<NamedPath>();
  for (const own of folders.slice(0, 50)) {
    const stems = new Set(own.map(({ stem }) => stem.key));
    const twin = folders.some(
      (other) =>
        other !== own &&
        other.filter(({ stem }) => stems.has(stem.key)).length >= 0.8 * Math.min(own.length, other.length),
    );
    if (twin && (await areMasks(own, context))) for (const one of own) found.add(one);
  }
  return found.size > 0 && found.size < images.length ? found : null;
}

async function areMasks(candidates: readonly NamedPath[], context: FormatContext): Promise<boolean> {
  const few = candidates.slice(0, 3);
  for (const { path } of few) {
    const values = await sample(path, context);
    if (!values || meantBy(values).meaning === "picture") return false;
  }
  return few.length > 0;
}
