import { roleOfWords, wordsOf } from "./names.ts";
import { baseOf, folderOf, isImageName } from "./paths.ts";
import type { ArchiveReader } from "./archive.ts";

/** Label Studio puts this before the name of a file that was uploaded to it. */
const uploadPrefix = /^[0-9a-f]{8}-/;

/**
 * The names of files, without folders and in lower case, that may be meant by a name in a task's data: as it stands, and
 * without what servers put round it. The likelier first.
 */
export function baseNamesMeant(given: string): string[] {
  const bases = variants(given).map((name) => baseOf(name).toLowerCase());
  return [...new Set([...bases, ...bases.map((base) => base.replace(uploadPrefix, ""))])];
}

/** Those of these paths that fit a name in a task's data best: by the longest common ending. */
export const bestFitting = (paths: readonly string[], given: string): readonly string[] => {
  if (paths.length < 2) return paths;
  const endings = variants(given).flatMap((wanted) => [wanted, wanted.replace(/[0-9a-f]{8}-([^/]*)$/, "$1")]);
  const score = (path: string): number[] =>
    endings.map((wanted) => scoreOf(path, wanted, "")).reduce((a, b) => (compare(a, b) >= 0 ? a : b));
  const scores = paths.map(score);
  const most = scores.reduce((a, b) => (compare(a, b) >= 0 ? a : b));
  return paths.filter((_, i) => compare(scores[i] as number[], most) === 0);
};

/**
 * Finds the zip's images by the names that tools write: with folders of another machine, as URLs, in another case, with
 * another extension, with or without Label Studio's prefix. Where several fit, the longest common ending of the path
 * decides, then the folder of the annotation file.
 */
export class ImageFinder {
  readonly #byBase = new Map<string, string[]>();
  readonly #byStem = new Map<string, string[]>();
  readonly #byPlain = new Map<string, string[]>();
  readonly #aliases = new Map<string, string[]>();
  /** Names that annotation files give to entries whose own names nobody can read. */
  readonly #shown = new Map<string, string>();

  constructor(zip: ArchiveReader) {
    for (const [name, entry] of zip.entries) {
      if (!isImageName(name)) continue;
      const base = baseOf(name).toLowerCase();
      put(this.#byBase, base, name);
      put(this.#byStem, stemOfBase(base), name);
      if (uploadPrefix.test(base)) put(this.#byPlain, base.replace(uploadPrefix, ""), name);
      for (const alias of entry.aliases ?? [])
        put(this.#aliases, baseOf(alias).normalize("NFC").toLowerCase(), name);
    }
  }

  /**
   * The files that a name may mean: none, one, or several where nobody can tell. `near` is the file that says it, and
   * `stem` whether a name without an extension, or with another, will do.
   */
  find(given: string, near = "", { stem = true } = {}): readonly string[] {
    for (const wanted of variants(given)) {
      const base = baseOf(wanted).toLowerCase();
      const byAlias = this.#byBase.has(base) ? undefined : this.#aliases.get(base);
      if (byAlias?.length === 1) this.#shown.set(byAlias[0] as string, baseOf(wanted));
      const found =
        this.#byBase.get(base) ??
        byAlias ??
        this.#byPlain.get(base) ??
        (uploadPrefix.test(base) ? this.#byBase.get(base.replace(uploadPrefix, "")) : undefined) ??
        (stem && base !== "" ? (this.#byStem.get(base) ?? this.#byStem.get(stemOfBase(base))) : undefined);
      if (found) return best(found, wanted, near);
    }
    return [];
  }

  /** What an entry is called: where the zip garbles its name, as an annotation file has it. */
  shown(name: string): string {
    const base = this.#shown.get(name);
    return base === undefined ? name : folderOf(name) + base;
  }
}

function put(map: Map<string, string[]>, key: string, name: string): void {
  const there = map.get(key);
  if (there) there.push(name);
  else map.set(key, [name]);
}

const stemOfBase = (base: string): string => base.replace(/\.[^.]+$/, "");

/** A name as it stands, then without what servers and other machines put round it. */
function variants(given: string): string[] {
  const plain = given.normalize("NFC").trim().replaceAll("\\", "/").replace(/^\.\//, "");
  const local = /[?&]d=([^&]+)/.exec(plain)?.[1];
  const bare = (local ?? plain).replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, "");
  const all = [plain, bare, bare.replace(/[?#].*$/s, "")];
  for (const name of all.slice()) {
    try {
      all.push(decodeURIComponent(name).normalize("NFC"));
    } catch {
      // A name with a bare % was never encoded.
    }
  }
  return [...new Set(all)].filter((name) => baseOf(name) !== "");
}

/** Those of `found` that fit best. */
function best(found: readonly string[], wanted: string, near: string): readonly string[] {
  if (found.length === 1) return found;
  const scores = found.map((name) => scoreOf(name, wanted, near));
  const most = scores.reduce((a, b) => (compare(a, b) >= 0 ? a : b));
  return found.filter((_, i) => compare(scores[i] as number[], most) === 0);
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) if (value !== b[i]) return value - (b[i] as number);
  return 0;
}

function scoreOf(name: string, wanted: string, near: string): number[] {
  const own = name.split("/");
  const asked = wanted.split("/");
  // Where the extension differs, or none is given, the stem stands for the name.
  const [ownBase, askedBase] = [own.at(-1) as string, asked.at(-1) as string];
  if (ownBase.toLowerCase() !== askedBase.toLowerCase()) {
    const stem = stemOfBase(ownBase);
    const same = [askedBase, stemOfBase(askedBase)].find((one) => one.toLowerCase() === stem.toLowerCase());
    if (same !== undefined) [own[own.length - 1], asked[asked.length - 1]] = [stem, same];
  }
  const ending = (same: (a: string, b: string) => boolean): number => {
    let i = 0;
    while (i < own.length && i < asked.length && same(own.at(-1 - i) as string, asked.at(-1 - i) as string))
      i++;
    return i;
  };
  const nearby = near.split("/").slice(0, -1);
  let shared = 0;
  while (shared < nearby.length && shared < own.length - 1 && own[shared] === nearby[shared]) shared++;
  const folders = own.slice(0, -1).map((part) => roleOfWords(wordsOf(part)));
  const isMask = folders.some((role) => role === "mask" || role === "drawing");
  return [
    ending((a, b) => a.toLowerCase() === b.toLowerCase()),
    isMask ? 0 : 1,
    ending((a, b) => a === b),
    shared,
    folders.includes("image") ? 1 : 0,
    own.length === asked.length ? 1 : 0,
  ];
}
