import type { FileHandle } from "node:fs/promises";
import { RefusedFile } from "../refused.ts";
import { itemBytes, readBytes } from "../tensor-file.ts";
import { mostPickleBytes, type TorchArchive } from "./archive.ts";
import type { StorageRef } from "./globals.ts";
import { readCheckpoints } from "./pickle.ts";

/** The pickle of PyTorch's magic number, which such a file begins with: 0x1950a86a20f9469cfc6c. */
export const legacyStart = "\u0080\u0002\u008a\nl\u00fc\u009cF\u00f9 j\u00a8P\u0019.";
const version = 1001;

/** Bytes of a number of types that are not read but lie between those that are. */
const otherBytes: Readonly<Record<string, number>> = {
  "torch.LongStorage": 8,
  "torch.IntStorage": 4,
  "torch.ShortStorage": 2,
  "torch.CharStorage": 1,
  "torch.ByteStorage": 1,
  "torch.BoolStorage": 1,
  "torch.ComplexFloatStorage": 8,
  "torch.ComplexDoubleStorage": 16,
};

/**
 * A file of torch.save as PyTorch wrote them before 1.6 (torch/serialization.py, _legacy_save): pickles of the magic number,
 * a version, the machine, the checkpoint and the keys of its storages; then each storage, its length and its values.
 * Throws RefusedFile `foreign_global`, `truncated`, `zip_bomb` or `unreadable`.
 */
export async function openLegacy(file: FileHandle): Promise<TorchArchive & { readonly root: unknown }> {
  const { size: fileBytes } = await file.stat();
  const start = await readBytes(file, 0, Math.min(fileBytes, mostPickleBytes));
  const storages = new Map<string, StorageRef>();
  const { values, end } = readCheckpoints(start.subarray(legacyStart.length), 4, (storage) => {
    storages.set(storage.key, storage);
  });
  const [protocol, machine, root, keys] = values;
  if (protocol !== version)
    throw new RefusedFile("unreadable", `the file is of version ${String(protocol)}; ${version} is read`);
  if (!(machine instanceof Map) || machine.get("little_endian") !== true)
    throw new RefusedFile("unreadable", "the values are big-endian; only little-endian files are read");
  if (!Array.isArray(keys))
    throw new RefusedFile("unreadable", "the pickle lists no storages behind its checkpoint");
  const places = new Map<string, { start: number; bytes: number }>();
  let at = legacyStart.length + end;
  for (const key of keys as unknown[]) {
    const storage = typeof key === "string" ? storages.get(key) : undefined;
    if (!storage) throw new RefusedFile("unreadable", "the pickle lists a storage that no tensor has");
    const bytes = storage.length * bytesOf(storage);
    const length = new DataView((await readBytes(file, at, 8)).buffer).getBigUint64(0, true);
    if (length !== BigInt(storage.length))
      throw new RefusedFile(
        "unreadable",
        `the storage ${storage.key} has ${length} values where ${storage.length} are due`,
      );
    if (at + 8 + bytes > fileBytes)
      throw new RefusedFile("truncated", `the file ends inside the storage ${storage.key}`);
    places.set(`data/${storage.key}`, { start: at + 8, bytes });
    at += 8 + bytes;
  }
  return {
    root,
    size: (name) => places.get(name)?.bytes ?? null,
    start: async (name) => {
      const place = places.get(name);
      if (!place) throw new RefusedFile("truncated", `the file has no ${name}`);
      return place.start;
    },
  };
}

function bytesOf({ itemType, typeName }: StorageRef): number {
  const bytes = itemType === null ? otherBytes[typeName] : itemBytes[itemType];
  if (bytes !== undefined) return bytes;
  throw new RefusedFile(
    "unreadable",
    `the file holds values of ${typeName.slice(0, 100)}, whose size is not known; save its weights alone: torch.save(model.state_dict(), "weights.pth")`,
  );
}
