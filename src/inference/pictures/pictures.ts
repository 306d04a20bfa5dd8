import { open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mostDecodeBytes } from "../../imaging/decode-cost.ts";
import { headBytes, recognise } from "../../imaging/recognise.ts";
import type { RgbImage } from "../../imaging/types.ts";
import { ChildStopped } from "../../lib/child/limits.ts";
import { ChildPool } from "../../lib/child/pool.ts";
import { temporaryFolder } from "../../lib/temporary.ts";
import { AppError } from "../../lib/errors.ts";
import { createMemoryBudget, type MemoryBudget } from "../../lib/memory-budget.ts";
import type { KeepTask, ReadMask } from "../workers/masks.ts";
import type * as pictureChild from "./picture-child.ts";
import type { ImageFacts, ResizedImage } from "../types.ts";

const MiB = 1024 * 1024;
/** Beside what a picture takes: Node, sharp, and the file itself. */
const restMiB = 320;
const heapMiB = 256;
/** Longer than the slowest picture that may be decoded takes on a busy machine. */
const silenceMs = 120_000;
/** Whoever has waited so long for room to decode a picture is told to come later. */
const waitMs = 60_000;
/** What a child takes by itself, Node and sharp; measured 56 to 64 MB. */
const childBytes = 64 * MiB;
/** Several pictures at once take no more than this with their children, so that eight callers' do not add up. */
const togetherBytes = 288 * MiB;
/** So much is taken for a picture before its header is read: most need no more, and are decoded in one trip. */
const firstBytes = 64 * MiB;

/**
 * Decodes others' pictures in child processes: one that makes a decoder crash, or take more than it may, is an error of
 * its own. One child is ready as soon as the first picture has come.
 */
export class Pictures {
  readonly #maxPixels: number;
  readonly #children: ChildPool<typeof pictureChild>;
  /**
   * Memory in which pictures are decoded, whichever child does it: one that is as large as may be, or several small ones.
   * It is no part of the budget that requests ask, as those that wait here hold their bodies from there.
   */
  readonly #room: MemoryBudget;
  #folder: Promise<string> | undefined;
  #files = 0;

  /** `module`: what the children run. */
  constructor(maxPixels: number, module = new URL("./picture-child.ts", import.meta.url)) {
    this.#maxPixels = maxPixels;
    const most = mostDecodeBytes(maxPixels);
    // One key holds three quarters of a budget.
    this.#room = createMemoryBudget(Math.ceil((most * 4) / 3));
    const memoryMiB = Math.ceil(most / MiB) + restMiB;
    this.#children = new ChildPool<typeof pictureChild>({
      module,
      limits: { heapMiB, memoryMiB, silenceMs, valueMiB: 64 },
      most: 2,
      ready: true,
    });
  }

  /** Reads it to its end. Throws what decodeImage throws, and AppError overloaded. */
  facts(file: Uint8Array | string): Promise<ImageFacts> {
    return this.#with(file, (task) => this.#children.run("facts", task));
  }

  /** All of its pixels, on shared memory. Throws as `facts` does. */
  pixels(file: Uint8Array): Promise<RgbImage> {
    return this.#with(file, (task) =>
      this.#withFile(async (to) => {
        const made = await this.#children.run("pixels", { ...task, to });
        if ("cost" in made) return made;
        const { width, height } = made.value;
        return { value: { width, height, data: await readShared(to, 3 * width * height) } };
      }),
    );
  }

  /** What the encoder sees of a whole image, which `sha256` is of. Throws as `facts` does, and an Error for other bytes. */
  resized({ bytes, sha256 }: { bytes: Uint8Array; sha256: string }): Promise<ResizedImage> {
    return this.#with(bytes, (task) =>
      this.#withFile(async (to) => {
        const made = await this.#children.run("resized", { ...task, sha256, to });
        if ("cost" in made) return made;
        const { of, ...sides } = made.value;
        return { value: { ...sides, resized: { ...of, data: await readFile(to) } } };
      }),
    );
  }

  /** See thumbnail.ts. */
  thumbnail(file: Uint8Array, side: number): Promise<Uint8Array> {
    return this.#with(file, (task) => this.#children.run("thumbnail", { ...task, side }));
  }

  /** A mask that is a picture. Throws what keptMask throws. */
  mask(task: KeepTask): Promise<ReadMask> {
    return this.#children.run("mask", task).catch((error: unknown) => {
      throw stopped(error, "mask_png_invalid", "the mask");
    });
  }

  /** What is no picture is refused by its head, before a child takes memory for all of it. */
  async #with<T>(
    file: Uint8Array | string,
    work: (task: pictureChild.PictureTask) => Promise<pictureChild.Roomy<T>>,
  ): Promise<T> {
    recognise(typeof file === "string" ? await headOf(file) : file.subarray(0, headBytes));
    if (typeof file === "string") return this.#inRoom(file, work);
    return this.#withFile(async (path) => {
      await writeFile(path, file);
      return this.#inRoom(path, work);
    });
  }

  async #inRoom<T>(
    path: string,
    work: (task: pictureChild.PictureTask) => Promise<pictureChild.Roomy<T>>,
  ): Promise<T> {
    const { most } = this.#room;
    // One that takes more than several may together is decoded while no other is.
    const share = (room: number): number =>
      Math.min(Math.ceil(((room + childBytes) * most) / togetherBytes), most);
    const within = (room: number): Promise<pictureChild.Roomy<T>> =>
      this.#room.hold(share(room), { by: "pictures", what: "This picture", waitMs }, () =>
        work({ path, maxPixels: this.#maxPixels, room }),
      );
    try {
      const small = Math.min(firstBytes, most);
      const first = await within(small);
      if ("value" in first) return first.value;
      const second = await within(first.cost);
      if ("value" in second) return second.value;
      throw new Error(`a picture costs ${second.cost} bytes that cost ${first.cost} before`);
    } catch (error) {
      throw stopped(error, "image_unreadable", "the image");
    }
  }

  /** A path of its own, whose file is gone afterwards. */
  async #withFile<T>(work: (path: string) => Promise<T>): Promise<T> {
    this.#folder ??= temporaryFolder("pictures");
    const path = join(await this.#folder, String(this.#files++));
    try {
      return await work(path);
    } finally {
      await rm(path, { force: true });
    }
  }

  async close(): Promise<void> {
    this.#children.close();
    if (this.#folder) await rm(await this.#folder, { recursive: true, force: true });
  }
}

/** A child that was ended says why by the error that its file has. */
function stopped(error: unknown, code: "image_unreadable" | "mask_png_invalid", what: string): unknown {
  if (!(error instanceof ChildStopped)) return error;
  return new AppError(code, `${what} can't be read: ${error.message}`, { cause: error });
}

async function headOf(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function readShared(path: string, bytes: number): Promise<Uint8Array> {
  const data = new Uint8Array(new SharedArrayBuffer(bytes));
  const file = await open(path);
  try {
    for (let at = 0; at < bytes;) {
      const { bytesRead } = await file.read(data, at, bytes - at, at);
      if (bytesRead === 0) throw new Error(`${path} ends after ${at} of ${bytes} bytes`);
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
  return data;
}
