import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";

/** Bytes that are gathered before they are written. */
const blockBytes = 1024 * 1024;

/**
 * Pieces of bytes on disk, each known by its number: what a layout found and will need when its image is read. In memory
 * are twelve bytes a piece.
 */
export class Spool {
  readonly #path: string;
  readonly #file: number;
  #offsets = new Float64Array(1024);
  #lengths = new Uint32Array(1024);
  #count = 0;
  #block = Buffer.allocUnsafe(blockBytes);
  #used = 0;
  #written = 0;

  /** The file at `path` is made anew and is gone after `close`. */
  constructor(path: string) {
    this.#path = path;
    this.#file = openSync(path, "w+", 0o600);
  }

  get count(): number {
    return this.#count;
  }

  /** Copies a piece; returns its number, which counts from 0. */
  add(piece: Uint8Array): number {
    if (this.#count === this.#offsets.length) this.#grow();
    this.#offsets[this.#count] = this.#written + this.#used;
    this.#lengths[this.#count] = piece.length;
    if (this.#used + piece.length > blockBytes) this.#flush();
    if (piece.length > blockBytes) {
      this.#write(piece);
    } else {
      this.#block.set(piece, this.#used);
      this.#used += piece.length;
    }
    return this.#count++;
  }

  /** The piece of a number. */
  read(number: number): Buffer {
    this.#flush();
    const piece = Buffer.allocUnsafe(this.#lengths[number] as number);
    const from = this.#offsets[number] as number;
    for (let at = 0; at < piece.length;) {
      const bytes = readSync(this.#file, piece, at, piece.length - at, from + at);
      if (bytes === 0) throw new Error(`the spool ends within piece ${number}`);
      at += bytes;
    }
    return piece;
  }

  close(): void {
    closeSync(this.#file);
    rmSync(this.#path, { force: true });
  }

  #flush(): void {
    if (this.#used === 0) return;
    const used = this.#used;
    this.#used = 0;
    this.#write(this.#block.subarray(0, used));
  }

  #write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;)
      at += writeSync(this.#file, bytes, at, bytes.length - at, this.#written + at);
    this.#written += bytes.length;
  }

  #grow(): void {
    const [offsets, lengths] = [this.#offsets, this.#lengths];
    this.#offsets = new Float64Array(2 * this.#count);
    this.#lengths = new Uint32Array(2 * this.#count);
    this.#offsets.set(offsets);
    this.#lengths.set(lengths);
  }
}

/** Numbers from 0 up in groups, each group in the order in which its numbers came: four bytes a number. */
export class Groups {
  /** By number + 1 the next of its group, + 1 as well; 0 ends it. */
  #next = new Uint32Array(1024);
  readonly #groups = new Map<number, { first: number; last: number; size: number }>();

  /** Puts a number into a group. No number may come twice. */
  add(number: number, group: number): void {
    const own = number + 1;
    while (own >= this.#next.length) {
      const next = new Uint32Array(2 * this.#next.length);
      next.set(this.#next);
      this.#next = next;
    }
    const found = this.#groups.get(group);
    if (!found) this.#groups.set(group, { first: own, last: own, size: 1 });
    else {
      this.#next[found.last] = own;
      found.last = own;
      found.size++;
    }
  }

  size(group: number): number {
    return this.#groups.get(group)?.size ?? 0;
  }

  *of(group: number): Generator<number, void, undefined> {
    for (let own = this.#groups.get(group)?.first ?? 0; own !== 0; own = this.#next[own] as number)
      yield own - 1;
  }
}
