import { Spool } from "../../datasets/spool.ts";
import { rowsPerStatement } from "../../db/queries/import-rows.ts";
import type { StoredItem } from "./store.ts";

/** Of a batch, as text: what is made of it has a place on the event loop for some milliseconds only. */
const batchBytes = 2 * 1024 * 1024;

/** The items of an import on disk, from when they are read until all are stored at once. */
export class ItemSpool {
  readonly #spool: Spool;

  constructor(path: string) {
    this.#spool = new Spool(path);
  }

  add(item: StoredItem): void {
    this.#spool.add(Buffer.from(JSON.stringify(item)));
  }

  /** All of them in their order, as many at a time as one statement writes. */
  *batches(): Generator<StoredItem[], void, undefined> {
    let batch: StoredItem[] = [];
    let [bytes, annotations] = [0, 0];
    for (let i = 0; i < this.#spool.count; i++) {
      const piece = this.#spool.read(i);
      const item = JSON.parse(piece.toString("utf8")) as StoredItem;
      bytes += piece.length;
      annotations += item.annotations.length;
      batch.push(item);
      if (batch.length < rowsPerStatement && annotations < rowsPerStatement && bytes < batchBytes) continue;
      yield batch;
      batch = [];
      [bytes, annotations] = [0, 0];
    }
    if (batch.length > 0) yield batch;
  }

  close(): void {
    this.#spool.close();
  }
}
