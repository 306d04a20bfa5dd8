import { constants } from "node:fs";
import { type FileHandle, lstat, open, readdir, readlink, realpath } from "node:fs/promises";
import { join, sep } from "node:path";
import { messageOf } from "../lib/errors.ts";
import {
  type ArchiveEntry,
  type ArchiveReader,
  belowCommonFolder,
  checkName,
  checkSize,
  checkTotal,
  isNoise,
  leftBelow,
  plainName,
  whole,
} from "./archive.ts";
import { partOfFile, printOf } from "./file-parts.ts";
import type { DatasetLimits } from "./limits.ts";
import { archiveError, fileChanged } from "./problems.ts";

interface Found {
  readonly path: string;
  readonly bytes: number;
}

/**
 * A folder of this machine as an archive: the rules for names and limits are those of a zip. Links, and what is no file,
 * are left out and told, so that nothing outside of the folder is read. Throws AppError import_zip_invalid or
 * import_too_large.
 */
export async function openFolder(
  folder: string,
  { limits, signal }: { limits: DatasetLimits; signal?: AbortSignal | undefined },
): Promise<ArchiveReader> {
  const left: { file: string; detail: string }[] = [];
  const files = new Map<string, Found>();
  const count = { entries: 0, bytes: 0 };
  for await (const { path, isLink } of filesBelow(folder, "", signal)) {
    const name = plainName(path);
    if (isNoise(name)) continue;
    count.entries++;
    checkTotal("folder", count, limits);
    checkName(name);
    if (isLink) {
      left.push({ file: name, detail: "a symbolic link, which is not followed" });
      continue;
    }
    const found = await lstat(join(folder, path)).catch(() => null);
    if (!found?.isFile()) {
      left.push({ file: name, detail: "no file when it was looked at: gone, or of another kind" });
      continue;
    }
    const { size } = found;
    checkSize(name, size, limits);
    count.bytes += size;
    files.set(name, { path: join(folder, path), bytes: size });
  }
  checkTotal("folder", count, limits);
  const found = belowCommonFolder(files);
  const entries = new Map<string, ArchiveEntry>();
  for (const [name, { bytes }] of found) entries.set(name, { name, bytes });
  const placeOf = (name: string): Found => {
    const place = found.get(name);
    if (!place) throw new Error(`${name} is not in the folder`);
    return place;
  };
  const real = await realpath(folder);
  const opened = (name: string): Promise<FileHandle> =>
    openBelow(real, placeOf(name).path).catch((error: unknown) => {
      throw fileChanged(name, `can't be opened: ${messageOf(error)}`, error);
    });
  const chunks: ArchiveReader["chunks"] = async function* (name, stop) {
    const { bytes } = placeOf(name);
    const handle = await opened(name);
    try {
      yield* partOfFile(handle, name, { offset: 0, bytes }, stop);
    } finally {
      await handle.close();
    }
  };
  return {
    kind: "folder",
    entries,
    left: leftBelow(files, left),
    chunks,
    read: (name, stop) => whole(chunks(name, stop)),
    print: async (name) => {
      const { bytes } = placeOf(name);
      const handle = await opened(name);
      try {
        return await printOf(handle, { offset: 0, bytes });
      } finally {
        await handle.close();
      }
    },
    close: async () => {},
  };
}

/** Opens a file for reading if it lies below the folder of that real path now: a link may have come since it was listed. */
async function openBelow(real: string, path: string): Promise<FileHandle> {
  const handle = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  try {
    // What is open has a name of its own on Linux, which nobody can change between the two steps.
    const found = await (process.platform === "linux"
      ? readlink(`/proc/self/fd/${handle.fd}`)
      : realpath(path));
    if (!found.startsWith(real + sep))
      throw new Error("it is reached by a link that leads out of the folder");
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Files, links and all else but folders, of all depths, a folder's listing at a time. */
async function* filesBelow(
  top: string,
  under: string,
  signal?: AbortSignal,
): AsyncGenerator<{ path: string; isLink: boolean }, void, undefined> {
  signal?.throwIfAborted();
  const listing = await readdir(join(top, under), { withFileTypes: true }).catch((error: unknown) => {
    throw archiveError(`the folder ${JSON.stringify(under === "" ? top : under)} can't be listed`, error);
  });
  for (const entry of listing) {
    const path = under === "" ? entry.name : `${under}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!isNoise(entry.name)) yield* filesBelow(top, path, signal);
    } else yield { path, isLink: entry.isSymbolicLink() };
  }
}
