import { open, stat } from "node:fs/promises";
import { archiveStart, kindOfStart } from "../lib/archive-kind.ts";
import type { ArchiveReader } from "./archive.ts";
import type { DatasetLimits } from "./limits.ts";
import { archiveError } from "./problems.ts";
import { openFolder } from "./server-folder.ts";
import { openSingle } from "./single-file.ts";
import { openTar } from "./tar.ts";
import { openZip } from "./zip.ts";

/**
 * Opens what holds a data set: a folder, a zip, a TAR, a TAR compressed by gzip or a Parquet file, told by content. `work` is a path for a
 * file that goes when it is closed. Throws AppError import_zip_invalid or import_too_large.
 */
export async function openArchive(
  path: string,
  options: { limits: DatasetLimits; work: string; signal?: AbortSignal | undefined },
): Promise<ArchiveReader> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) return openFolder(path, options);
  const handle = await open(path).catch((error: unknown) => {
    throw archiveError("not a readable archive", error);
  });
  let kind: ReturnType<typeof kindOfStart>;
  try {
    const start = Buffer.alloc(archiveStart);
    const { bytesRead } = await handle.read(start, 0, archiveStart, 0);
    kind = kindOfStart(start.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
  // A zip may have something before its first file, such as a program that unpacks it: its own reader tells.
  if (kind.kind === "tar" || kind.kind === "gzip")
    return openTar(path, { ...options, gzip: kind.kind === "gzip" });
  if (kind.kind === "parquet") return openSingle(path, "data.parquet");
  if (kind.kind === "other" && kind.known) throw archiveError(`the file is ${kind.name}; ${kind.advice}`);
  return openZip(path, options.limits);
}
