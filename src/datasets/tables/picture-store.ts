import { type FileHandle, open, rm } from "node:fs/promises";
import { sniff } from "../../imaging/sniff.ts";
import { type ArchiveReader, checkTotal, plainName, whole } from "../archive.ts";
import { partOfFile, printOf } from "../file-parts.ts";
import type { DatasetLimits } from "../limits.ts";
import { baseOf, isImageName } from "../paths.ts";
import { tooLarge } from "../problems.ts";

interface Place {
  readonly offset: number;
  readonly bytes: number;
}

/** Pictures that lay in tables, one behind the other in a file of their own, so that they are read by name like an archive's. */
export class PictureStore {
  readonly #path: string;
  readonly #limits: DatasetLimits;
  readonly #inner: ArchiveReader;
  readonly #places = new Map<string, Place>();
  #file: FileHandle | undefined;
  #bytes = 0;

  /** The file at `path` is made with the first picture, and is gone after `close`. */
  constructor(path: string, inner: ArchiveReader, limits: DatasetLimits) {
    this.#path = path;
    this.#inner = inner;
    this.#limits = limits;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Writes a picture; returns its name below `folder`: that of the file that it came from where no other has it, else its
   * row's number. Throws AppError import_too_large.
   */
  async add(folder: string, row: number, cell: { bytes: Uint8Array; path: string | null }): Promise<string> {
    const { bytes } = cell;
    const { maxEntryBytes } = this.#limits;
    if (bytes.length > maxEntryBytes)
      throw tooLarge(
        `${folder}, row ${row}, has ${bytes.length} bytes; ${maxEntryBytes} are the most for one picture`,
      );
    const entries = this.#inner.entries.size + this.#places.size + 1;
    checkTotal(this.#inner.kind, { entries, bytes: this.#bytes + bytes.length }, this.#limits);
    const name = this.#nameOf(folder, row, cell);
    this.#file ??= await open(this.#path, "w+", 0o600);
    for (let at = 0; at < bytes.length;)
      at += (await this.#file.write(bytes, at, bytes.length - at, this.#bytes + at)).bytesWritten;
    this.#places.set(name, { offset: this.#bytes, bytes: bytes.length });
    this.#bytes += bytes.length;
    return name;
  }

  #nameOf(folder: string, row: number, { bytes, path }: { bytes: Uint8Array; path: string | null }): string {
    const is = (name: string): boolean => this.#places.has(name) || this.#inner.entries.has(name);
    const ending = `.${sniff(bytes) ?? "bin"}`;
    const base = path === null ? "" : baseOf(plainName(path)).replaceAll(/\p{Cc}/gu, "");
    const isPlain = base !== "" && base.length < 150 && !/^\.+$/.test(base) && isImageName(base);
    const number = String(row).padStart(6, "0");
    const own = `${folder}/${isPlain ? base : number + ending}`;
    if (!is(own)) return own;
    for (let k = 1; ; k++) {
      const next = `${folder}/${number}${k === 1 ? "" : `-${k}`}${isPlain ? `-${base}` : ending}`;
      if (!is(next)) return next;
    }
  }

  /** The archive with the pictures as files of its own; closing it removes them. */
  asArchive(): ArchiveReader {
    const inner = this.#inner;
    const places = this.#places;
    const handle = this.#file;
    if (!handle) return inner;
    const own = [...places].map(([name, { bytes }]) => [name, { name, bytes }] as const);
    const entries = new Map([...inner.entries, ...own].sort(([a], [b]) => (a < b ? -1 : 1)));
    const chunks: ArchiveReader["chunks"] = (name, signal) => {
      const place = places.get(name);
      return place ? partOfFile(handle, name, place, signal) : inner.chunks(name, signal);
    };
    return {
      ...inner,
      entries,
      chunks,
      print: (name, signal) => {
        const place = places.get(name);
        return place ? printOf(handle, place) : inner.print(name, signal);
      },
      read: (name, signal) => (places.has(name) ? whole(chunks(name, signal)) : inner.read(name, signal)),
      close: async () => {
        await this.close();
        await inner.close();
      },
    };
  }

  async close(): Promise<void> {
    await this.#file?.close();
    if (this.#file) await rm(this.#path, { force: true });
    this.#file = undefined;
  }
}
