import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { encoderInput } from "../../src/imaging/preprocess.ts";
import { resizeBilinear } from "../../src/imaging/resize.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { lcgBytes } from "../helpers/lcg.ts";

interface Reference {
  resizes: { seed: number; from: [number, number]; to: [number, number]; sha256: string }[];
  inputs: { seed: number; size: [number, number]; sha256: string }[];
}

const reference = JSON.parse(
  readFileSync(new URL("reference/preprocess.json", import.meta.url), "utf8"),
) as Reference;

const image = (width: number, height: number, seed: number) => ({
  width,
  height,
  data: lcgBytes(width * height * 3, seed),
});

test.each(reference.resizes)(
  "resize $from to $to equals Pillow's, byte for byte",
  ({ seed, from, to, sha256: expected }) => {
    const resized = resizeBilinear(image(...from, seed), ...to);
    expect([resized.width, resized.height]).toEqual(to);
    expect(sha256(resized.data)).toBe(expected);
  },
);

test.each(reference.inputs)(
  "the encoder input of a $size image equals SAM's in PyTorch, bit for bit",
  ({ seed, size, sha256: expected }) => {
    const input = encoderInput(image(...size, seed));
    expect(input).toHaveLength(3 * 1024 * 1024);
    expect(sha256(new Uint8Array(input.buffer))).toBe(expected);
  },
);
