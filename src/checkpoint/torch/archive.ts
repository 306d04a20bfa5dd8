import type { FileHandle } from "node:fs/promises";
import { fromFdPromise, type Entry } from "yauzl";
import { messageOf } from "../../lib/errors.ts";
import { requireZipEnd } from "../../lib/zip-end.ts";
import { RefusedFile } from "../refused.ts";
import { readBytes } from "../tensor-file.ts";
import { refuseOthers } from "./other-zips.ts";

/** ViT-H has 594 tensors, a training checkpoint three times as many. */
const maxEntries = 20_000;
/** The pickle of ViT-H's state dict has 50 kB. */
export const mostPickleBytes = 4 * 1024 * 1024;

/** Where a file of torch.save has its values: by the names that they have in the zip which it writes since 1.6. */
export interface TorchArchive {
  /** Bytes of an entry, or null when there is none. */
  size(name: string): number | null;
  /** Where an entry's bytes begin in the file. */
  start(name: string): Promise<number>;
}

/**
 * Opens the archive. Nothing is unpacked: PyTorch stores its entries as they are, so an entry that is compressed, or
 * entries that claim more bytes than the file has, are refused as what they must be, a zip bomb.
 * Throws RefusedFile `truncated`, `zip_bomb` or `unreadable`.
 */
export async function openArchive(file: FileHandle): Promise<TorchArchive & { readonly pickle: Uint8Array }> {
  const { size: fileBytes } = await file.stat();
  const zip = await requireZipEnd(file)
    .then(async () => fromFdPromise(file.fd, { lazyEntries: true, autoClose: false }))
    .catch((error: unknown) => {
      throw new RefusedFile("truncated", `the zip has no end: ${messageOf(error)}`, { cause: error });
    });
  if (zip.entryCount > maxEntries)
    throw new RefusedFile(
      "zip_bomb",
      `the zip has ${zip.entryCount} entries; ${maxEntries} are the most that are read`,
    );
  const entries = new Map<string, Entry>();
  let claimed = 0;
  let compressed: string | undefined;
  try {
    for await (const entry of zip.eachEntry()) {
      claimed += entry.uncompressedSize;
      if (entry.compressionMethod !== 0) compressed ??= entry.fileName;
      const name = entry.fileName.slice(entry.fileName.indexOf("/") + 1);
      if (entries.has(name)) throw new RefusedFile("unreadable", `the zip has two entries ${name}`);
      entries.set(name, entry);
    }
  } catch (error) {
    if (error instanceof RefusedFile) throw error;
    throw new RefusedFile("unreadable", `the zip's directory can't be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  refuseOthers([...entries.keys()]);
  if (compressed !== undefined)
    throw new RefusedFile("zip_bomb", `the entry ${compressed} is compressed; PyTorch compresses none`);
  if (claimed > fileBytes)
    throw new RefusedFile("zip_bomb", `the zip's entries claim more bytes than its ${fileBytes}`);
  const start = async (name: string): Promise<number> => {
    const entry = entries.get(name);
    if (!entry) throw new RefusedFile("truncated", `the zip has no entry ${name}`);
    const { fileDataStart } = await zip
      .readLocalFileHeaderPromise(entry, { minimal: true })
      .catch((error: unknown) => {
        throw new RefusedFile("unreadable", `the entry ${name} can't be read: ${messageOf(error)}`, {
          cause: error,
        });
      });
    if (fileDataStart + entry.uncompressedSize > fileBytes)
      throw new RefusedFile("truncated", `the entry ${name} ends after the file`);
    return fileDataStart;
  };
  const read = async (name: string): Promise<Uint8Array> =>
    readBytes(file, await start(name), entries.get(name)?.uncompressedSize ?? 0);

  const pickleSize = entries.get("data.pkl")?.uncompressedSize;
  if (pickleSize === undefined)
    throw new RefusedFile(
      "unreadable",
      "the zip is not one of torch.save: it has no data.pkl, nor is it a folder with a model in it",
    );
  if (pickleSize > mostPickleBytes)
    throw new RefusedFile(
      "zip_bomb",
      `data.pkl has ${pickleSize} bytes; ${mostPickleBytes} are the most that are read`,
    );
  const order = entries.get("byteorder");
  if (order && order.uncompressedSize < 16 && new TextDecoder().decode(await read("byteorder")) !== "little")
    throw new RefusedFile("unreadable", "the values are big-endian; only little-endian files are read");
  return {
    pickle: await read("data.pkl"),
    size: (name) => entries.get(name)?.uncompressedSize ?? null,
    start,
  };
}
