import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { maskToPng } from "../../src/imaging/mask-png.ts";
import { asPng } from "./images.ts";
import { ringImage } from "./rings.ts";

export interface RingFolder {
  readonly path: string;
  /** Options of the bench that read it and keep its embeddings below it. */
  readonly options: readonly string[];
  remove(): Promise<void>;
}

/** A folder with images/ and masks/ of drawn rings. */
export async function ringFolder(count: number): Promise<RingFolder> {
  const path = await mkdtemp(join(tmpdir(), "maskwright-bench-"));
  for (const name of ["images", "masks"]) await mkdir(join(path, "data", name), { recursive: true });
  for (let seed = 1; seed <= count; seed++) {
    const { image, mask } = ringImage(seed);
    await writeFile(join(path, `data/images/${seed}.png`), await asPng(image));
    await writeFile(join(path, `data/masks/${seed}.png`), await maskToPng(mask));
  }
  const options = ["--data", join(path, "data"), "--cache", join(path, "cache"), "--only", "base"];
  return { path, options, remove: () => rm(path, { recursive: true }) };
}
