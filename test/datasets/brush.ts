import type { BinaryMask } from "../../src/imaging/types.ts";

/** Writes numbers as bits, highest first. */
export class BitWriter {
  readonly #bits: number[] = [];

  put(value: number, count: number): void {
    for (let i = count - 1; i >= 0; i--) this.#bits.push(Math.floor(value / 2 ** i) % 2);
  }

  /** A run of `length` bytes: one repeated, or all written out. */
  run(repeated: boolean, size: 0 | 1 | 2 | 3, length: number, values: readonly number[]): this {
    this.put(repeated ? 1 : 0, 1);
    this.put(size, 2);
    this.put(length - 1, [3, 4, 8, 16][size] as number);
    for (const value of values) this.put(value, 8);
    return this;
  }

  bytes(): number[] {
    const out: number[] = [];
    for (let i = 0; i < this.#bits.length; i += 8)
      out.push(
        Number.parseInt(
          this.#bits
            .slice(i, i + 8)
            .join("")
            .padEnd(8, "0"),
          2,
        ),
      );
    return out;
  }
}

/** A mask as Label Studio's brush RLE, with runs of both kinds and all widths; the zero byte at the end is Label Studio's. */
export function brushRle({ width, height, data }: BinaryMask): number[] {
  const flat = Array.from(data).flatMap((value) => Array.from({ length: 4 }, () => value * 255));
  const bits = new BitWriter();
  bits.put(width * height * 4, 32);
  bits.put(7, 5);
  for (const size of [3, 4, 8, 16]) bits.put(size - 1, 4);
  for (let at = 0; at < flat.length;) {
    let end = at + 1;
    while (end < flat.length && flat[end] === flat[at] && end - at < 65_536) end++;
    const length = end - at;
    const size = [8, 16, 256, 65_536].findIndex((most) => length <= most) as 0 | 1 | 2 | 3;
    // Every third run is written out where it is short, as decoders must read both kinds.
    if (at % 3 === 0 && length <= 256) bits.run(false, size, length, flat.slice(at, end));
    else bits.run(true, size, length, [flat[at] as number]);
    at = end;
  }
  return [...bits.bytes(), 0];
}
