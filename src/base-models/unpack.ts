import { createWriteStream } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import { RefusedFile } from "../checkpoint/refused.ts";
import { messageOf } from "../lib/errors.ts";
import { checkedEnd } from "../lib/zip-end.ts";

/** A repository has some ten files. */
const mostEntries = 1000;
/** Weights hardly get smaller when they are packed; text and configurations beside them do. */
const mostBytesOf = (zipBytes: number): number => 1.5 * zipBytes + 64 * 1024 ** 2;

const modelFile = /\.(safetensors|pth|pt|ckpt|bin|onnx)$/i;
/** What PyTorch puts into its own zips: torch.save and TorchScript, torch.export. */
const ofTorch = /(^|\/)(data\.pkl|archive_format)$/;
const noise = /(^|\/)(__MACOSX\/|\.)/;

/**
 * Unpacks a zip into `folder` where it is a folder with a model in it, and returns whether it was; a file of PyTorch's is
 * left as it is. Throws RefusedFile `zip_bomb` or `unreadable`.
 */
export async function unpackedModel(path: string, folder: string): Promise<boolean> {
  // What can't be opened is PyTorch's reader's to refuse
  const zip = await checkedEnd(path)
    .then(async () => openPromise(path, { lazyEntries: true, autoClose: false }))
    .catch(() => null);
  if (!zip) return false;
  zip.on("error", () => {});
  try {
    const entries = await modelEntries(zip);
    if (!entries) return false;
    const bytes = entries.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0);
    const most = mostBytesOf((await stat(path)).size);
    if (bytes > most)
      throw new RefusedFile("zip_bomb", `the zip's files would have ${bytes} bytes, ${most} are the most`);
    for (const entry of entries) await unpack(zip, entry, join(folder, entry.fileName));
    return true;
  } catch (error) {
    if (error instanceof RefusedFile) throw error;
    throw new RefusedFile("unreadable", `the zip can't be unpacked: ${messageOf(error)}`, { cause: error });
  } finally {
    zip.close();
  }
}

/** The files of a zip with a model among them, by names that stay inside it (yauzl sees to that); else null. */
async function modelEntries(zip: ZipFile): Promise<Entry[] | null> {
  const entries: Entry[] = [];
  if (zip.entryCount > mostEntries) return null;
  for await (const entry of zip.eachEntry()) {
    const name = entry.fileName;
    if (ofTorch.test(name)) return null;
    if (name.endsWith("/") || noise.test(name)) continue;
    if (entry.isEncrypted()) throw new RefusedFile("unreadable", "the zip is encrypted");
    entries.push(entry);
  }
  return entries.some(({ fileName }) => modelFile.test(fileName)) ? entries : null;
}

async function unpack(zip: ZipFile, entry: Entry, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(to, { flags: "wx" }));
}
