/** What the names of files and folders say: which side of a pair a file is of, and which part of a split. */
import type { Part } from "../domain/data-import.ts";
import { baseOf, isImageName } from "./paths.ts";

export type Role = "image" | "mask" | "drawing" | null;
/** A user's own part of the data. */
export type Split = Part;

const maskWords = new Set(
  (
    "mask masks masque masques maskimages label labels lbl lbls labelmap labelmaps gt gts groundtruth groundtruths " +
    "annotation annotations annot annots anno annos ann anns seg segs segm segmentation segmentations segmented " +
    "segmap target targets matte mattes alpha trimap trimaps silhouette silhouettes manual manual1 manual2 binary " +
    "segmentationobject segmentationclass labelids instanceids mascara mascaras maske masken truth instances instance"
  ).split(" "),
);
const imageWords = new Set(
  (
    "image images img imgs jpegimages photo photos picture pictures pic pics original originals orig input inputs rgb " +
    "raw sat satellite leftimg8bit frames scene scenes bilder bild fotos foto imagenes"
  ).split(" "),
);
/** Pictures with masks drawn over them, made to be looked at. */
const drawingWords = new Set(
  "visualization visualizations visualisation visualisations vis viz overlay overlays overlaid preview previews blended".split(
    " ",
  ),
);
const splitWords: Readonly<Record<string, Split>> = {
  train: "train",
  training: "train",
  trn: "train",
  tr: "train",
  val: "val",
  valid: "val",
  validation: "val",
  dev: "val",
  test: "test",
  testing: "test",
  ts: "test",
  tst: "test",
};

/** `train_masks` and `JPEGImages` to their words, in lower case; `trainannot` to two. */
export function wordsOf(name: string): string[] {
  const words = name
    .replaceAll(/([a-z])([A-Z])/g, "$1 $2")
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "");
  return words.flatMap((word) => {
    const [, split = "", rest = ""] = /^(train|valid|val|test)([a-z]+)$/.exec(word) ?? [];
    return maskWords.has(rest) || imageWords.has(rest) ? [split, rest] : [word];
  });
}

/** The words joined in pairs too: `ground truth` is one. */
const withPairs = (words: readonly string[]): string[] => [
  ...words,
  ...words.slice(1).map((word, i) => `${words[i]}${word}`),
];

export function roleOfWords(words: readonly string[]): Role {
  const all = withPairs(words);
  if (all.some((word) => drawingWords.has(word))) return "drawing";
  if (all.some((word) => maskWords.has(word))) return "mask";
  return all.some((word) => imageWords.has(word)) ? "image" : null;
}

const isRoleWord = (word: string): boolean =>
  maskWords.has(word) || imageWords.has(word) || drawingWords.has(word);

export function splitOfWords(words: readonly string[]): Split | null {
  for (const word of words) if (splitWords[word] !== undefined) return splitWords[word];
  return null;
}

/** The part that a path names: its folders say it, the nearest first, then the file's own name. */
export function splitOf(path: string): Split | null {
  for (const part of path.split("/").slice(0, -1).toReversed()) {
    const split = splitOfWords(wordsOf(part));
    if (split) return split;
  }
  return null;
}

/** Words of a folder's name that say neither a side nor a split. */
export const restOfWords = (words: readonly string[]): string[] => {
  const pairs = new Set<number>();
  for (const [i, word] of words.entries())
    if (i > 0 && isRoleWord(`${words[i - 1]}${word}`)) pairs.add(i).add(i - 1);
  return words.filter((word, i) => !pairs.has(i) && !isRoleWord(word) && splitWords[word] === undefined);
};

export interface NamedStem {
  /** The stem without what says its side, in lower case. */
  readonly key: string;
  readonly role: Role;
  /** Behind the word for a mask: `_mask_2` is the third of several. */
  readonly number: string | null;
}

/** `benign (1)_mask_2` to `benign (1)`, a mask, 2; `mask_7` to `7`; `a.jpg` (of `a.jpg.png`) to `a`. */
export function stemParts(stem: string): NamedStem {
  const plain = isImageName(stem) ? stem.replace(/\.[^.]+$/, "") : stem;
  const atEnd = /^(.*?)[\s_.-]+((?:[\p{L}]+[\s_-]*)?[\p{L}]+)(?:[\s_-]*[([]?(\d{1,5})[)\]]?)?$/u;
  for (let from = 0; ;) {
    const found = atEnd.exec(plain.slice(from));
    if (!found) break;
    const [, before = "", words = "", number] = found;
    const role = wholeRole(words);
    if (role && before !== "")
      return {
        key: (plain.slice(0, from) + before).toLowerCase(),
        role,
        number: role === "mask" ? (number ?? null) : null,
      };
    const next = before.length + 1;
    if (next >= plain.length - from) break;
    from += next;
  }
  const atStart = /^([\p{L}]+(?:[\s_-]*[\p{L}]+)?)[\s_.-]*(?=[\d_\s-])[\s_.-]*(.+)$/u.exec(plain);
  if (atStart) {
    const [, words = "", rest = ""] = atStart;
    const role = wholeRole(words);
    if (role) return { key: rest.toLowerCase(), role, number: null };
  }
  return { key: plain.toLowerCase(), role: null, number: null };
}

/** A role that all of the words are part of: `ground truth`, not `white mask`. */
function wholeRole(text: string): Role {
  const words = wordsOf(text);
  return restOfWords(words).length === 0 ? roleOfWords(words) : null;
}

export interface NamedPath {
  readonly path: string;
  readonly role: Role;
  /** Whether a folder says the role, and not the file's own name. */
  readonly byFolder: boolean;
  readonly split: Split | null;
  /** Folders without those that say a side or a split, in lower case. */
  readonly folders: readonly string[];
  /** Words beside the side in the folder that says it: `masks_stamp` to `stamp`. */
  readonly aside: string | null;
  readonly stem: NamedStem;
}

/** What a path says; the first `common` folders, which all have, say nothing. */
export function readPath(path: string, common = 0): NamedPath {
  const parts = path.split("/");
  const folders: string[] = [];
  let [role, byFolder, split, aside]: [Role, boolean, Split | null, string | null] = [
    null,
    false,
    null,
    null,
  ];
  for (const [i, part] of parts.slice(0, -1).entries()) {
    const words = wordsOf(part);
    const own = i < common ? null : roleOfWords(words);
    const ownSplit = splitOfWords(words);
    split = ownSplit ?? split;
    const rest = restOfWords(words);
    if (own) {
      // The nearest folder has the last word.
      [role, byFolder, aside] = [own, true, rest.join(" ") || null];
    } else if (!(ownSplit && rest.length === 0)) folders.push(part.toLowerCase());
  }
  const base = baseOf(path);
  const stem = stemParts(base.replace(/\.[^.]+$/, ""));
  if (!role) role = stem.role;
  return { path, role, byFolder, split, folders, aside, stem };
}

/** How many folders all paths have in common at their beginning. */
export function commonFolders(paths: readonly string[]): number {
  const [first = "", ...others] = paths;
  const parts = first.split("/").slice(0, -1);
  let common = parts.length;
  for (const path of others) {
    const own = path.split("/").slice(0, -1);
    let i = 0;
    while (i < common && own[i] === parts[i]) i++;
    common = i;
  }
  return common;
}
