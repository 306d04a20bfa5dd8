import { baseOf, stemOf } from "./paths.ts";
import { keptName, type PlannedImage } from "./plan.ts";
import { fileError, tooLarge } from "./problems.ts";
import type { FormatContext } from "./types.ts";
import type { ArchiveReader } from "./archive.ts";

/** A list of 50,000 names has 4 MB; it is held in memory whole. */
const maxBytes = 16 * 1024 ** 2;
/** Fewer groups than this can't be split into training, selection and held-out images with sense. */
const leastGroups = 5;
/** A group with more of the images than this would leave too little for the other side. */
const largestShare = 0.4;

/**
 * The split group of every image, in their order; null is a group by itself.
 *
 * 1. `groups.csv` (lines `stem,group`) or `groups.json` ({stem: group}) at the top of the zip, if there is one: images that
 *    it leaves out are null. A name that fits no image is an error.
 * 2. Else COCO's own images[].group, if any image has one, or says with null that it has none.
 * 3. Else by name: `<page>_<k>`, with k of one or two digits, belongs to `<page>`, as crops of one page are named; others
 *    are null. Where that would leave fewer than 5 groups, or one with more than 40 % of the images (`photo_01`, `photo_02`
 *    ...), or where most pages are called by a word (`crack_01`, `dent_12`: classes), the numbers only count the images, and
 *    all are null. Roboflow's variants of one picture (`<stem>.rf.<hash>`) are a group whatever their stem.
 *
 * Throws AppError import_file_invalid.
 */
export async function splitGroups(
  zip: ArchiveReader,
  images: readonly PlannedImage[],
  { reading, signal }: Pick<FormatContext, "reading" | "signal"> = {},
): Promise<(string | null)[]> {
  for (const file of ["groups.csv", "groups.json"]) {
    if (!zip.entries.has(file)) continue;
    reading?.(file);
    const bytes = zip.entries.get(file)?.bytes ?? 0;
    if (bytes > maxBytes) throw tooLarge(`${file} has ${bytes} bytes; ${maxBytes} are the most for one file`);
    const text = (await zip.read(file, signal)).toString("utf8").replace(/^\uFEFF/, "");
    return byFile(file, file.endsWith(".csv") ? parseCsv(file, text) : parseJson(file, text), images);
  }
  if (images.some((image) => image.group !== undefined)) return images.map((image) => image.group ?? null);
  return byName(images.map((image) => stemOf(image.name)));
}

/** What Roboflow puts behind a name: `stamp_jpg.rf.<hash>` is one of the variants that it made of `stamp.jpg`. */
const variant = /(?:_(?:jpe?g|png|bmp|webp|tiff?))?\.rf\.[0-9a-z]{16,}$/i;

/** Rule 3 above, on stems. */
export function byName(stems: readonly string[]): (string | null)[] {
  const sources = stems.map((stem) => stem.replace(variant, ""));
  return byPage(sources).map((page, i) => page ?? (sources[i] === stems[i] ? null : (sources[i] as string)));
}

function byPage(stems: readonly string[]): (string | null)[] {
  const groups = stems.map((stem) => /^(.+)_\d{1,2}$/.exec(stem)?.[1] ?? null);
  const sizes = new Map<string, number>();
  for (const [i, group] of groups.entries()) {
    const key = group === null ? `image:${stems[i]}` : `group:${group}`;
    sizes.set(key, (sizes.get(key) ?? 0) + 1);
  }
  // `crack_01`, `dent_12`: what stands before most numbers is a word, so the names are classes and not pages.
  const pages = new Set(groups.filter((group) => group !== null));
  const words = [...pages].filter((page) => /^[^\p{N}]*\p{L}{3,}[^\p{N}]*$/u.test(page));
  if (words.length > pages.size / 2) return stems.map(() => null);
  const largest = Math.max(...sizes.values());
  const sensible = sizes.size >= leastGroups && largest <= largestShare * stems.length;
  return sensible ? groups : stems.map(() => null);
}

function byFile(
  file: string,
  rows: readonly [string, string][],
  images: readonly PlannedImage[],
): (string | null)[] {
  const found = new Map<string, Set<number>>();
  for (const [i, image] of images.entries()) {
    for (const name of [image.name, ...image.alsoNamed]) {
      for (const key of [name, baseOf(name), stemOf(name), stemOf(baseOf(name))])
        found.set(key, (found.get(key) ?? new Set()).add(i));
    }
  }
  const groups: (string | null)[] = images.map(() => null);
  for (const [key, group] of rows) {
    const [index, ...others] = found.get(key.normalize("NFC")) ?? [];
    if (index === undefined) throw fileError(file, `no image has the stem ${key}`);
    if (others.length > 0)
      throw fileError(file, `${key} fits ${others.length + 1} images; write its folder too`);
    const kept = keptName.safeParse(group);
    if (!kept.success) throw fileError(file, `the group of ${key}: ${kept.error.issues[0]?.message}`);
    const before = groups[index];
    if (before != null && before !== group)
      throw fileError(file, `${key} is in the groups ${before} and ${group}`);
    groups[index] = group;
  }
  return groups;
}

function parseJson(file: string, text: string): [string, string][] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw fileError(file, "is not JSON", error);
  }
  const isMap = typeof json === "object" && json !== null && !Array.isArray(json);
  if (!isMap) throw fileError(file, "must be an object {stem: group}");
  return Object.entries(json as Record<string, unknown>).map(([stem, group]) => {
    if ((typeof group === "string" && group !== "") || (typeof group === "number" && Number.isFinite(group)))
      return [stem, String(group)];
    throw fileError(file, "must be an object {stem: group}");
  });
}

function parseCsv(file: string, text: string): [string, string][] {
  const rows: [string, string][] = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    const cells = /^("(?:[^"]|"")*"|[^,"]*),("(?:[^"]|"")*"|[^,"]*)$/
      .exec(line.trim())
      ?.slice(1)
      .map(unquote);
    const [stem, group] = cells ?? [];
    if (!stem || !group) throw fileError(file, `line ${i + 1} is not stem,group`);
    // A first line of titles is no image.
    if (rows.length === 0 && i === 0 && group.toLowerCase() === "group") continue;
    rows.push([stem, group]);
  }
  return rows;
}

const unquote = (cell: string): string =>
  cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell.trim();
