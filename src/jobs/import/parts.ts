import { closeSync, existsSync, openSync, writeSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { WalkMark } from "../../datasets/types.ts";
import { rowsPerStatement } from "../../db/queries/import-rows.ts";
import { linesOf } from "../../lib/lines.ts";
import { keys } from "../../storage/keys.ts";
import type { ObjectStore } from "../../storage/store.ts";
import type { StoredItem } from "./store.ts";

/** Bytes of a batch, as text: what is made of it has a place on the event loop for some milliseconds only. */
const batchBytes = 2 * 1024 * 1024;

/** Characters of lines that are gathered before they are written: a write an image takes as long as its line. */
const writeLength = 256 * 1024;

/** A line of a part: an image with annotations, a line of the report, or, last of all, where the reading stood. */
type Line =
  | { readonly item: StoredItem }
  | { readonly left: string }
  | { readonly mark: Omit<WalkMark, "lines"> };

interface Scope {
  readonly projectId: string;
  readonly id: string;
}

/**
 * What an import has read, in parts that the object store keeps until all is stored at once: an attempt after a crash goes
 * on after the last of them. A part is written once the images in it are stored, and the same data make the same parts.
 */
export class ImportParts {
  readonly #store: ObjectStore;
  readonly #row: Scope;
  readonly #folder: string;
  #count = 0;
  #fd: number | undefined;
  /** Lines that are not written yet. */
  #waiting = "";

  constructor(store: ObjectStore, row: Scope, folder: string) {
    this.#store = store;
    this.#row = row;
    this.#folder = folder;
  }

  /** How many are complete. */
  get count(): number {
    return this.#count;
  }

  /** Finds what attempts before this one have read; null where there is nothing. */
  async find(): Promise<Omit<WalkMark, "lines"> | null> {
    this.#count = 0;
    for await (const key of this.#store.list(keys.importParts(this.#row.projectId, this.#row.id))) {
      if (key !== this.#key(this.#count)) break;
      this.#count++;
    }
    let mark: Omit<WalkMark, "lines"> | null = null;
    if (this.#count > 0)
      for await (const { line } of this.#lines(this.#count - 1)) if ("mark" in line) mark = line.mark;
    return mark;
  }

  /** Adds to the part that is being made. */
  add(item: StoredItem): void {
    this.#write({ item });
  }

  /** Completes it. */
  async end({ lines, ...mark }: WalkMark): Promise<void> {
    for (const left of lines) this.#write({ left });
    this.#write({ mark });
    this.#flush();
    this.#close();
    await this.#store.putFile(this.#key(this.#count), this.#path(this.#count), {
      contentType: "application/x-ndjson",
    });
    this.#count++;
  }

  /** Forgets what was added since the last part was complete. */
  drop(): void {
    this.#close();
  }

  /** All items in their order, as many at a time as one statement writes. */
  async *batches(): AsyncGenerator<StoredItem[], void, undefined> {
    let batch: StoredItem[] = [];
    let [bytes, annotations] = [0, 0];
    for (let number = 0; number < this.#count; number++) {
      for await (const { line, length } of this.#lines(number)) {
        if (!("item" in line)) continue;
        bytes += length;
        annotations += line.item.annotations.length;
        batch.push(line.item);
        if (batch.length < rowsPerStatement && annotations < rowsPerStatement && bytes < batchBytes) continue;
        yield batch;
        batch = [];
        [bytes, annotations] = [0, 0];
      }
    }
    if (batch.length > 0) yield batch;
  }

  /** Lines of the report of the first `count` parts. */
  async *leftLines(count: number): AsyncGenerator<string, void, undefined> {
    for (let number = 0; number < count; number++)
      for await (const { line } of this.#lines(number)) if ("left" in line) yield line.left;
  }

  /** Takes all parts away, from the store too. */
  async clear(): Promise<void> {
    this.#close();
    await clearParts(this.#store, this.#row);
    this.#count = 0;
  }

  close(): void {
    this.#close();
  }

  #key(number: number): string {
    return keys.importPart(this.#row.projectId, this.#row.id, number);
  }

  #path(number: number): string {
    return join(this.#folder, `part-${number}`);
  }

  #write(line: Line): void {
    this.#waiting += `${JSON.stringify(line)}\n`;
    if (this.#waiting.length >= writeLength) this.#flush();
  }

  #flush(): void {
    this.#fd ??= openSync(this.#path(this.#count), "w", 0o600);
    writeSync(this.#fd, this.#waiting);
    this.#waiting = "";
  }

  #close(): void {
    this.#waiting = "";
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  async *#lines(number: number): AsyncGenerator<{ line: Line; length: number }, void, undefined> {
    const path = this.#path(number);
    const isOurs = existsSync(path);
    if (!isOurs) await this.#store.getFile(this.#key(number), path);
    for await (const texts of linesOf(path))
      for (const text of texts) yield { line: JSON.parse(text) as Line, length: text.length };
    if (!isOurs) await rm(path, { force: true });
  }
}

/** Takes away what an import has read; the last part first, so that what is left is a beginning. */
export async function clearParts(store: ObjectStore, { projectId, id }: Scope): Promise<void> {
  const found: string[] = [];
  for await (const key of store.list(keys.importParts(projectId, id))) found.push(key);
  for (const key of found.toReversed()) await store.delete(key);
}
