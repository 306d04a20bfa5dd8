import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";

/** Bytes that are gathered before they are written. */
const blockBytes = 1024 * 1024;

/** Bytes that all spools of a reading may keep in memory together. */
export class SpoolRoom {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** Whether there was room for so many more, which is taken then. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }
}

/**
 * Pieces of bytes, each known by its number: what a layout found and will need when its image is read. They lie in memory
 * as far as there is room, the others on disk; in memory are twelve bytes a piece besides.
 */
export class Spool {
  readonly #path: string;
  readonly #file: number;
  readonly #room: SpoolRoom;
  /** Blocks that stay in memory. */
  readonly #kept: Buffer[] = [];
  /** Where pieces lie: in the file, or at -1 - x in the kept blocks. */
  #offsets = new Float64Array(1024);
  #lengths = new Uint32Array(1024);
  #count = 0;
  #block = Buffer.alloc(0);
  #used = 0;
  /** Bytes of the file. */
  #written = 0;

  /** The file at `path` is made anew and is gone after `close`. */
  constructor(path: string, room = new SpoolRoom(0)) {
    this.#path = path;
    this.#room = room;
    this.#file = openSync(path, "w+", 0o600);
  }

  get count(): number {
    return this.#count;
  }

  /** Copies a piece; returns its number, which counts from 0. */
  add(piece: Uint8Array): number {
    if (this.#count === this.#offsets.length) this.#grow();
    this.#offsets[this.#count] = this.#place(piece);
    this.#lengths[this.#count] = piece.length;
    return this.#count++;
  }

  /** The piece of a number, not to be written to. */
  read(number: number): Buffer {
    const from = this.#offsets[number] as number;
    const length = this.#lengths[number] as number;
    if (length === 0) return Buffer.alloc(0);
    if (from < 0) {
      const at = (-1 - from) % blockBytes;
      return (this.#kept[Math.floor((-1 - from) / blockBytes)] as Buffer).subarray(at, at + length);
    }
    if (from + length > this.#written) this.#flush();
    const piece = Buffer.allocUnsafe(length);
    for (let at = 0; at < length;) {
      const bytes = readSync(this.#file, piece, at, length - at, from + at);
      if (bytes === 0) throw new Error(`the spool ends within piece ${number}`);
      at += bytes;
    }
    return piece;
  }

  close(): void {
    closeSync(this.#file);
    rmSync(this.#path, { force: true });
  }

  #place(piece: Uint8Array): number {
    if (piece.length > blockBytes) {
      this.#flush();
      const from = this.#written;
      this.#write(piece);
      return from;
    }
    if (this.#used + piece.length > this.#block.length) this.#nextBlock();
    const from = this.#used;
    this.#block.set(piece, from);
    this.#used += piece.length;
    return this.#isKept ? -1 - ((this.#kept.length - 1) * blockBytes + from) : this.#written + from;
  }

  get #isKept(): boolean {
    return this.#kept.at(-1) === this.#block;
  }

  #nextBlock(): void {
    this.#flush();
    this.#used = 0;
    const isKept = this.#room.take(blockBytes);
    if (isKept || this.#block.length === 0 || this.#isKept) this.#block = Buffer.allocUnsafeSlow(blockBytes);
    if (isKept) this.#kept.push(this.#block);
  }

  #flush(): void {
    if (this.#used === 0 || this.#isKept) return;
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
