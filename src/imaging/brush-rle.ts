import { AppError } from "../lib/errors.ts";
import type { BinaryMask, Box, Size } from "./types.ts";

const invalid = (why: string): AppError =>
  new AppError("mask_rle_invalid", `the brush's rle ${why}`, { param: "rle" });

/**
 * The mask of Label Studio's brush RLE: a bit stream of RGBA bytes, row-major; a pixel is foreground from half its alpha on.
 *
 * 32 bits: how many bytes; 5: bits of a byte - 1; four times 4: widths - 1. Then runs: 1 bit (1: one byte repeated, 0: all
 * bytes written out), 2 bits (which width), the run's length - 1 in so many bits, the byte or bytes.
 * Source: label-studio-sdk, converter/brush.py, decode_rle.
 *
 * Throws AppError mask_rle_invalid, also when it is not of this size; memory is asked for after that only.
 */
export function decodeBrush(bytes: Uint8Array, width: number, height: number): BinaryMask {
  const bits = new Bits(bytes);
  const total = bits.read(32);
  if (total !== width * height * 4) {
    throw invalid(
      `holds ${total} bytes; ${width} x ${height} pixels of four bytes are ${width * height * 4}`,
    );
  }
  const word = bits.read(5) + 1;
  if (word !== 8) throw invalid(`has values of ${word} bits, not of 8`);
  const widths = [0, 1, 2, 3].map(() => bits.read(4) + 1);
  const data = new Uint8Array(width * height);
  for (let at = 0; at < total;) {
    const repeated = bits.read(1) === 1;
    const end = at + bits.read(widths[bits.read(2)] as number) + 1;
    if (end > total) throw invalid(`has a run that ends at byte ${end} of ${total}`);
    if (repeated) {
      // Alpha is the last byte of each pixel: that of pixel p stands at 4 p + 3.
      if (bits.read(8) >= 128) data.fill(1, at >> 2, end >> 2);
      at = end;
    } else {
      for (; at < end; at++) if (bits.read(8) >= 128 && at % 4 === 3) data[at >> 2] = 1;
    }
  }
  return { width, height, data };
}

/** Widths of run lengths that Label Studio's own encoder uses. */
const widths = [3, 4, 8, 16] as const;

/**
 * Label Studio's brush RLE of a mask whose top left lies at [x, y] of an image of `size`: all four bytes of a pixel are 255 in the foreground
 * and 0 elsewhere. The inverse of `decodeBrush`. Source: label-studio-sdk, converter/brush.py, encode_rle.
 */
export function encodeBrush(part: BinaryMask, [left, top]: Box, [height, width]: Size): Uint8Array {
  const bits = new BitsOut();
  bits.write(width * height * 4, 32);
  bits.write(7, 5);
  for (const one of widths) bits.write(one - 1, 4);
  let [value, run] = [0, 0];
  const add = (pixels: number, shown: number): void => {
    if (pixels === 0) return;
    if (shown !== value) {
      bits.run(run, value);
      [value, run] = [shown, 0];
    }
    run += 4 * pixels;
  };
  add(top * width, 0);
  for (let y = 0; y < part.height; y++) {
    add(left, 0);
    for (let x = 0; x < part.width; x++) add(1, part.data[y * part.width + x] === 0 ? 0 : 255);
    add(width - left - part.width, 0);
  }
  add((height - top - part.height) * width, 0);
  bits.run(run, value);
  return bits.bytes();
}

/** Writes numbers of up to 32 bits, highest bit first. */
class BitsOut {
  #bytes = new Uint8Array(256);
  #at = 0;

  write(value: number, count: number): void {
    if (((this.#at + count) >> 3) + 1 >= this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#bytes.length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    for (let bit = count - 1; bit >= 0; bit--, this.#at++) {
      if (Math.floor(value / 2 ** bit) % 2 === 1)
        this.#bytes[this.#at >> 3] = (this.#bytes[this.#at >> 3] as number) | (128 >> (this.#at & 7));
    }
  }

  /** So many bytes of one value, in as many runs as the widest needs. */
  run(length: number, value: number): void {
    const most = 2 ** widths[3];
    for (let left = length; left > 0;) {
      const now = Math.min(left, most);
      const which = widths.findIndex((width) => now <= 2 ** width);
      this.write(1, 1);
      this.write(which, 2);
      this.write(now - 1, widths[which] as number);
      this.write(value, 8);
      left -= now;
    }
  }

  bytes(): Uint8Array {
    // Label Studio's has a byte more, whether the last one is full or not.
    return this.#bytes.slice(0, Math.floor(this.#at / 8) + 1);
  }
}

/** Reads numbers of up to 32 bits, highest bit first. */
class Bits {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(count: number): number {
    if (this.#at + count > this.#bytes.length * 8) throw invalid("ends too early");
    let value = 0;
    for (let left = count; left > 0;) {
      const inByte = 8 - (this.#at & 7);
      const take = Math.min(left, inByte);
      const part = ((this.#bytes[this.#at >> 3] as number) >> (inByte - take)) & ((1 << take) - 1);
      value = value * 2 ** take + part;
      this.#at += take;
      left -= take;
    }
    return value;
  }
}
