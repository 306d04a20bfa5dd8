import { readFileSync } from "node:fs";
import { join } from "node:path";

/** An array that peers/parity.py saved. */
export interface Saved {
  readonly file: string;
  readonly shape: number[];
}

export function floats(folder: string, { file }: Saved): Float32Array {
  const bytes = readFileSync(join(folder, file));
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

export interface Difference {
  /** Largest of |ours - theirs|. */
  readonly absolute: number;
  /** That over the largest of |theirs|. */
  readonly relative: number;
  readonly largest: number;
}

export function difference(ours: ArrayLike<number>, theirs: ArrayLike<number>): Difference {
  if (ours.length !== theirs.length) throw new Error(`${ours.length} values against ${theirs.length}`);
  let [absolute, largest] = [0, 0];
  for (let i = 0; i < ours.length; i++) {
    absolute = Math.max(absolute, Math.abs((ours[i] as number) - (theirs[i] as number)));
    largest = Math.max(largest, Math.abs(theirs[i] as number));
  }
  return { absolute, relative: absolute / largest, largest };
}
