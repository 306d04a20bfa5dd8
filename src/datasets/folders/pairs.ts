/** Which mask belongs to which image, by the names of their files and folders alone. */
import { type NamedPath, restOfWords, wordsOf } from "../names.ts";
import { baseStemOf } from "../paths.ts";

export interface PairedMask {
  readonly file: string;
  readonly label: string | null;
  /** Number among several masks of one image. */
  readonly number: string | null;
}

export interface Pairs {
  readonly masks: ReadonlyMap<string, readonly PairedMask[]>;
  /** Masks without an image, and why. */
  readonly orphans: readonly { file: string; why: string }[];
}

interface Match {
  readonly mask: NamedPath;
  readonly image: NamedPath;
  /** What the mask's name has beyond its image's, without numbers. */
  readonly rest: string;
  readonly number: string | null;
  /** Folders that the mask has beyond its image. */
  readonly beyond: string;
}

/**
 * Pairs by the stem without what says the side (`_mask`, `gt_`, `_label` ...), then by the name of the mask's folder (a
 * folder of instances for each image), by a stem that begins or ends with the image's, by the only image of a folder, and
 * by numbers that count both sides. Where several images fit, the one in the most alike folders and the same part of
 * a split is meant. What mask names or folders have beyond their image's is a class where it differs among them.
 */
export function pairMasks(images: readonly NamedPath[], masks: readonly NamedPath[]): Pairs {
  const index = new ImageIndex(images);
  const matches: Match[] = [];
  const orphans: { file: string; why: string }[] = [];
  const left: NamedPath[] = [];
  for (const mask of masks) {
    const found = index.match(mask);
    if (found === null) left.push(mask);
    else if ("several" in found)
      orphans.push({ file: mask.path, why: `fits ${found.several.join(" and ")}` });
    else matches.push(found);
  }
  const byNumber = left.length > masks.length / 2 ? pairNumbers(images, left) : null;
  for (const mask of left) {
    const image = byNumber?.get(mask);
    if (image) matches.push({ mask, image, rest: "", number: null, beyond: "" });
    else orphans.push({ file: mask.path, why: "there is no image of this name" });
  }
  const rests = new Set(matches.map(({ rest }) => rest));
  const beyond = new Set(matches.map((match) => match.beyond));
  const out = new Map<string, PairedMask[]>();
  for (const { mask, image, rest, number, ...match } of matches) {
    const classes = [rests.size > 1 ? rest : "", beyond.size > 1 ? match.beyond : ""].filter(
      (text) => text !== "",
    );
    const own = out.get(image.path) ?? [];
    own.push({ file: mask.path, label: classes.join(" ") || null, number });
    out.set(image.path, own);
  }
  for (const own of out.values()) own.sort(byPlace);
  return { masks: out, orphans };
}

function byPlace(a: PairedMask, b: PairedMask): number {
  const [x, y] = [Number(a.number ?? -1), Number(b.number ?? -1)];
  return x !== y ? x - y : a.file < b.file ? -1 : 1;
}

class ImageIndex {
  readonly #images: readonly NamedPath[];
  readonly #byKey = new Map<string, NamedPath[]>();
  readonly #byFolder = new Map<string, NamedPath[]>();

  constructor(images: readonly NamedPath[]) {
    this.#images = images;
    for (const image of images) {
      for (const key of new Set([image.stem.key, stemOf(image)])) put(this.#byKey, key, image);
      put(this.#byFolder, image.folders.join("/"), image);
    }
  }

  match(mask: NamedPath): Match | { several: string[] } | null {
    // The whole stem first: a_1 may be an image of its own.
    const whole = this.#byKey.get(stemOf(mask));
    if (whole && mask.byFolder) return this.#chosen(mask, whole, "", null);
    const exact = this.#byKey.get(mask.stem.key);
    if (exact) return this.#chosen(mask, exact, "", mask.stem.number);
    const affixed = this.#byAffix(mask);
    if (affixed) return affixed;
    for (const folder of mask.folders.toReversed()) {
      const named = this.#byKey.get(folder);
      if (named) return this.#chosen(mask, named, "", numberOf(mask), folder);
    }
    const [only, ...others] = this.#byFolder.get(mask.folders.join("/")) ?? [];
    const depth = mask.folders.length;
    if (only && others.length === 0 && depth > 0 && this.#images.length > 1)
      return this.#chosen(mask, [only], "", numberOf(mask));
    return null;
  }

  /** The longest image stem that the mask's begins or ends with, up to a break between words. */
  #byAffix(mask: NamedPath): Match | { several: string[] } | null {
    for (const stem of new Set([mask.stem.key, stemOf(mask)])) {
      const breaks = [...stem.matchAll(/[\s_.-]+/g)];
      for (const found of breaks.toReversed()) {
        const images = this.#byKey.get(stem.slice(0, found.index));
        if (images) return this.#rest(mask, images, stem.slice(found.index + found[0].length));
      }
      for (const found of breaks) {
        const images = this.#byKey.get(stem.slice(found.index + found[0].length));
        if (images) return this.#rest(mask, images, stem.slice(0, found.index));
      }
    }
    return null;
  }

  #rest(mask: NamedPath, images: readonly NamedPath[], rest: string): Match | { several: string[] } {
    const [, words = rest, number] = /^(.*?)[\s_.-]*(\d+)?$/.exec(rest) ?? [];
    const label = restOfWords(wordsOf(words)).join(" ");
    return this.#chosen(mask, images, label, number ?? mask.stem.number);
  }

  #chosen(
    mask: NamedPath,
    images: readonly NamedPath[],
    rest: string,
    number: string | null,
    folder = "",
  ): Match | { several: string[] } {
    const scores = images.map((image) => likeness(image, mask));
    const most = Math.max(...scores);
    const [image, ...others] = images.filter((_, i) => scores[i] === most);
    if (!image) throw new Error("no image to choose from");
    if (others.length > 0) return { several: [image, ...others].map(({ path }) => path) };
    return { mask, image, rest, number, beyond: beyondOf(mask, image, folder) };
  }
}

const stemOf = ({ path }: NamedPath): string => baseStemOf(path).toLowerCase();

const numberOf = (mask: NamedPath): string | null => /(\d+)$/.exec(stemOf(mask))?.[1] ?? null;

function put(map: Map<string, NamedPath[]>, key: string, image: NamedPath): void {
  const there = map.get(key);
  if (!there) map.set(key, [image]);
  else if (!there.includes(image)) there.push(image);
}

/** The same part of a split counts most, then folders of the same names, from the file up and from the top down. */
function likeness(image: NamedPath, mask: NamedPath): number {
  const split = image.split === mask.split ? 2 : image.split === null || mask.split === null ? 1 : 0;
  const [a, b] = [image.folders, mask.folders];
  let ends = 0;
  while (ends < a.length && ends < b.length && a.at(-1 - ends) === b.at(-1 - ends)) ends++;
  let starts = 0;
  while (starts < a.length && starts < b.length && a[starts] === b[starts]) starts++;
  return 10_000 * split + 100 * (ends + starts) + (a.length === b.length ? 1 : 0);
}

function beyondOf(mask: NamedPath, image: NamedPath, folder: string): string {
  const own = [...mask.folders];
  for (const shared of image.folders) {
    const at = own.indexOf(shared);
    if (at !== -1) own.splice(at, 1);
  }
  const words = own.filter((name) => name !== folder && name !== image.stem.key);
  return [...words, ...(mask.aside === image.aside ? [] : [mask.aside ?? ""])].join(" ").trim();
}

/** Pairs by the last number of each name, where each side has every number once. */
function pairNumbers(
  images: readonly NamedPath[],
  masks: readonly NamedPath[],
): Map<NamedPath, NamedPath> | null {
  const numbered = (paths: readonly NamedPath[]): Map<number, NamedPath> | null => {
    const out = new Map<number, NamedPath>();
    for (const path of paths) {
      const digits = /(\d+)\D*$/.exec(stemOf(path))?.[1];
      if (digits === undefined || out.has(Number(digits))) return null;
      out.set(Number(digits), path);
    }
    return out;
  };
  const [byImage, byMask] = [numbered(images), numbered(masks)];
  if (!byImage || !byMask) return null;
  const out = new Map<NamedPath, NamedPath>();
  for (const [number, mask] of byMask) {
    const image = byImage.get(number);
    if (image) out.set(mask, image);
  }
  return out.size >= 0.8 * masks.length ? out : null;
}
