import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import sharp from "sharp";
import { type Header, pack } from "tar-stream";
import { afterAll } from "vitest";
import { ZipFile } from "yazl";
import { openDataset } from "../../src/datasets/read.ts";
import type { Dataset, DatasetItem, DatasetOptions } from "../../src/datasets/types.ts";
import { decodeImage } from "../../src/imaging/decode.ts";
import { AppError } from "../../src/lib/errors.ts";
import { seededRandom } from "../../src/lib/random.ts";

export type Files = Record<string, Buffer | string | object>;

/** A folder of its own for one test file's zips. */
async function zipFolder(): Promise<{
  zip(files: Files): Promise<string>;
  raw(bytes: Buffer): Promise<string>;
  /** Throws what tar-stream throws; entries are files but for those given as heads. */
  tar(
    files: Files,
    options?: { gzip?: boolean; heads?: readonly (Partial<Header> & { name: string })[] },
  ): Promise<string>;
  folder(files: Files): Promise<string>;
  remove(): Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-zips-"));
  let count = 0;
  const next = (): string => join(folder, `${count++}.zip`);
  return {
    zip: async (files) => {
      const zip = new ZipFile();
      for (const [name, content] of Object.entries(files)) {
        zip.addBuffer(bytesOf(content), name, { compress: true });
      }
      zip.end();
      const path = next();
      await pipeline(zip.outputStream, createWriteStream(path));
      return path;
    },
    raw: async (bytes) => {
      const path = next();
      await writeFile(path, bytes);
      return path;
    },
    tar: async (files, { gzip = false, heads = [] } = {}) => {
      const tar = pack();
      for (const [name, content] of Object.entries(files)) tar.entry({ name }, bytesOf(content));
      for (const head of heads) tar.entry(head);
      tar.finalize();
      const path = next();
      const through = gzip ? [createGzip()] : [];
      await pipeline([tar as unknown as Readable, ...through, createWriteStream(path)]);
      return path;
    },
    folder: async (files) => {
      const path = `${next()}.d`;
      for (const [name, content] of Object.entries(files)) {
        await mkdir(dirname(join(path, name)), { recursive: true });
        await writeFile(join(path, name), bytesOf(content));
      }
      return path;
    },
    remove: () => rm(folder, { recursive: true }),
  };
}

const bytesOf = (content: Files[string]): Buffer =>
  Buffer.isBuffer(content)
    ? content
    : Buffer.from(typeof content === "string" ? content : JSON.stringify(content));

/** A folder for the zips of the test file that calls it, gone after its tests. */
export function useZips(): Omit<Awaited<ReturnType<typeof zipFolder>>, "remove"> {
  const made = zipFolder();
  afterAll(async () => (await made).remove());
  return {
    zip: async (files) => (await made).zip(files),
    raw: async (bytes) => (await made).raw(bytes),
    tar: async (files, options) => (await made).tar(files, options),
    folder: async (files) => (await made).folder(files),
  };
}

/** A noise image; another seed, other bytes. */
export async function picture(seed: number, width = 12, height = 8): Promise<Buffer> {
  const random = seededRandom(seed);
  const data = Uint8Array.from({ length: width * height * 3 }, () => random.below(256));
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/** A PNG mask with 255 in [x0, x1) x [y0, y1), and `grey` at one pixel if given. */
export async function maskPng(
  [x0, y0, x1, y1]: readonly [number, number, number, number],
  {
    width = 12,
    height = 8,
    grey,
  }: { width?: number; height?: number; grey?: readonly [number, number, number] } = {},
): Promise<Buffer> {
  const data = new Uint8Array(width * height);
  for (let y = y0; y < y1; y++) data.fill(255, y * width + x0, y * width + x1);
  if (grey) data[grey[1] * width + grey[0]] = grey[2];
  return sharp(data, { raw: { width, height, channels: 1 } })
    .toColourspace("b-w")
    .png()
    .toBuffer();
}

/** As inference does it: the file must decode whole. */
const inspect: DatasetOptions["inspect"] = async (bytes) => {
  const { data: _, ...facts } = await decodeImage(bytes, { maxPixels: 1_000_000 });
  return facts;
};

export const open = (path: string, options: Partial<DatasetOptions> = {}): Promise<Dataset> =>
  openDataset(path, { inspect, ...options });

/** Everything in a zip; what is thrown on the way is thrown here. */
export async function readAll(
  path: string,
  options: Partial<DatasetOptions> = {},
): Promise<{ dataset: Dataset; items: DatasetItem[]; report: object[] }> {
  const reportPath = `${path}.report`;
  const dataset = await open(path, { reportPath, ...options });
  const items: DatasetItem[] = [];
  try {
    for await (const item of dataset.items()) items.push(item);
  } finally {
    await dataset.close();
  }
  const lines = (await readFile(reportPath, "utf8")).split("\n").filter((line) => line !== "");
  return { dataset, items, report: lines.map((line) => JSON.parse(line) as object) };
}

/** What a reading left out, by code, and what it noted. */
export const toldBy = (dataset: Dataset): { skipped: Record<string, number>; notes: string[] } => ({
  skipped: Object.fromEntries(dataset.told().skipped.map(({ code, count }) => [code, count])),
  notes: dataset.told().notes.map(({ code }) => code),
});

/** The AppError that reading a zip ends with. */
export async function problemOf(
  path: string,
  options: Partial<DatasetOptions> = {},
): Promise<{ code: string; message: string; param: string | undefined }> {
  try {
    await readAll(path, options);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { code: error.code, message: error.message, param: error.param };
  }
  throw new Error("the zip was read without a problem");
}
