import { open } from "node:fs/promises";
import { type ArchiveReader, whole } from "./archive.ts";
import { partOfFile, printOf } from "./file-parts.ts";

/** A file that holds a data set by itself, as an archive of that one file. */
export async function openSingle(path: string, name: string): Promise<ArchiveReader> {
  const handle = await open(path);
  const { size: bytes } = await handle.stat();
  const chunks: ArchiveReader["chunks"] = (_, signal) =>
    partOfFile(handle, name, { offset: 0, bytes }, signal);
  return {
    kind: "file",
    entries: new Map([[name, { name, bytes }]]),
    left: [],
    place: () => ({ path, offset: 0 }),
    print: () => printOf(handle, { offset: 0, bytes }),
    chunks,
    read: (_, signal) => whole(chunks(name, signal)),
    close: () => handle.close(),
  };
}
