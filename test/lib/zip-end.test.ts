import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openArchive } from "../../src/checkpoint/torch/archive.ts";
import { defaultLimits } from "../../src/datasets/limits.ts";
import { openZip } from "../../src/datasets/zip.ts";
import { unpackedModel } from "../../src/base-models/unpack.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "zip-end-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const record = (directory: bigint): Buffer => {
  const bytes = Buffer.alloc(56);
  bytes.writeUInt32LE(0x06064b50);
  bytes.writeBigUInt64LE(1n, 32);
  bytes.writeBigUInt64LE(directory, 48);
  return bytes;
};
/** A zip of 64 bits that is nothing but its end. */
function zipEnding(recordAt: bigint, directory: bigint): Buffer {
  const end = Buffer.alloc(42);
  end.writeUInt32LE(0x07064b50);
  end.writeBigUInt64LE(recordAt, 8);
  end.writeUInt32LE(0x06054b50, 20);
  return Buffer.concat([Buffer.from("PK\u0003\u0004"), record(directory), end]);
}

it.each([
  ["its record", 2n ** 63n, 0n],
  ["its directory", 4n, 2n ** 63n],
])(
  "refuses a zip that has %s behind the end of the world, and lives on",
  async (_what, recordAt, directory) => {
    const path = join(folder, "bad.zip");
    await writeFile(path, zipEnding(recordAt, directory));
    const error = /its directory would begin at byte 9223372036854775808 of 102/;
    await expect(openZip(path, defaultLimits)).rejects.toThrow(error);
    expect(await unpackedModel(path, folder)).toBe(false);
    const file = await open(path);
    await expect(openArchive(file)).rejects.toThrow(error);
    await file.close();
  },
);
