import { createWriteStream, readdirSync } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { ZipFile } from "yazl";
import type { Releases } from "../../../src/lib/releases.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import type { DataOptions } from "./data-options.ts";

/** What goes into the zip, as paths below the data's folder. */
export interface ChosenFiles {
  readonly files: readonly string[];
  /** Masks there are, unions beside their instances not counted, and those chosen. */
  readonly masks: number;
  readonly chosen: number;
}

/**
 * Puts a folder into a zip as a user would upload it, so that the project's own reader judges and reads it.
 * With `most`, only so many masks, chosen by the seed and spread over the images; images left without one stay out.
 */
export async function zipData(
  folder: string,
  path: string,
  { wanted = () => true, ...cap }: { most: number | undefined; seed: number; wanted?: WantedImage },
): Promise<ChosenFiles> {
  const names = namesIn(folder);
  const images = names.filter((name) => name.startsWith("images/"));
  const left = new Set(images.filter((name) => !wanted(join(folder, name))).map(stemOfImage));
  const chosen = chooseFiles(
    names.filter((name) => !left.has(stemOfImage(name)) && !left.has(imageOfMask(name))),
    cap,
  );
  const zip = new ZipFile();
  const options = { mtime: new Date(0), compress: false };
  for (const name of chosen.files) zip.addFile(join(folder, name), name, options);
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(path));
  return chosen;
}

/** Whether an image, by its path, goes into a zip with its masks. */
export type WantedImage = (path: string) => boolean;

/** The zip of a bench's data, in a folder that is released with the bench. */
export async function zipOf(
  { data, maxAnnotations, seed }: DataOptions,
  releases: Releases,
  wanted?: WantedImage,
): Promise<{ zip: { path: string; bytes: number }; files: ChosenFiles }> {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-zip-"));
  releases.add("the zip", () => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "data.zip");
  const files = await zipData(data, path, { most: maxAnnotations, seed, ...(wanted && { wanted }) });
  return { zip: { path, bytes: (await stat(path)).size }, files };
}

/** Images, masks and groups; whatever else lies there is not data. */
function namesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll("\\", "/"),
    )
    .filter((name) => /^(images|masks)\/|^groups\.(csv|json)$/.test(name))
    .sort();
}

/** The pure part of it. */
export function chooseFiles(
  names: readonly string[],
  { most, seed }: { most: number | undefined; seed: number },
): ChosenFiles {
  const stems = new Map(
    names.filter((name) => name.startsWith("images/")).map((name) => [stemOf(name, "images/"), name]),
  );
  const whole = new Map<string, string[]>();
  const instances = new Map<string, string[]>();
  for (const name of names.filter((one) => one.startsWith("masks/"))) {
    const stem = stemOf(name, "masks/");
    const parent = /^(.+)__\d+$/.exec(stem)?.[1];
    const [place, image] = stems.has(stem) || parent === undefined ? [whole, stem] : [instances, parent];
    place.set(image, [...(place.get(image) ?? []), name]);
  }
  const masksOf = new Map([...whole, ...instances]);
  const masks = [...masksOf.values()].reduce((sum, list) => sum + list.length, 0);
  if (most === undefined || masks <= most) return { files: names, masks, chosen: masks };

  const random = seededRandom(seed);
  const queues = random
    .shuffle([...masksOf].sort(([a], [b]) => (a < b ? -1 : 1)))
    .map(([stem, list]) => ({ stem, list: random.shuffle(list) }));
  const taken = new Set<string>();
  const images = new Set<string>();
  for (let round = 0; taken.size < most; round++) {
    for (const { stem, list } of queues) {
      const mask = list[round];
      if (mask === undefined || taken.size === most) continue;
      taken.add(mask);
      images.add(stems.get(stem) ?? stem);
    }
  }
  const kept = names.filter((name) => taken.has(name) || images.has(name) || name.startsWith("groups."));
  return { files: kept, masks, chosen: taken.size };
}

const stemOfImage = (name: string): string => stemOf(name, "images/");

/** The stem of the image that a mask of one object, `masks/<stem>__<k>.png`, or of all, `masks/<stem>.png`, belongs to. */
const imageOfMask = (name: string): string => stemOf(name, "masks/").replace(/__\d+$/, "");

const stemOf = (name: string, folder: string): string =>
  name.startsWith(folder) ? name.slice(folder.length).replace(/\.[^./]+$/, "") : "";
