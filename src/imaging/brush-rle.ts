import { AppError } from "../lib/errors.ts";
import type { BinaryMask } from "./types.ts";

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
