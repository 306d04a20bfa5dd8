import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { boundaryIou, boundaryOf } from "../../src/imaging/boundary-iou.ts";
import { iou } from "../../src/imaging/metrics.ts";
import { decodeRle, encodeRle } from "../../src/imaging/rle.ts";
import type { BinaryMask } from "../../src/imaging/types.ts";
import { discImage } from "../worlds/images.ts";

/** Made by peers/reference/boundary_iou.py. */
interface Case {
  size: [number, number];
  a: string;
  b: string;
  boundary: string;
  iou: number;
}
const cases = JSON.parse(
  readFileSync(new URL("reference/boundary-iou.json", import.meta.url), "utf8"),
) as Case[];

const maskOf = (size: [number, number], counts: string): BinaryMask =>
  decodeRle({ format: "rle", size, counts });

describe("boundary IoU", () => {
  it.each(cases.map((one) => [one.size, one] as const))("is the reference's at %j", (size, one) => {
    const [a, b] = [maskOf(size, one.a), maskOf(size, one.b)];
    expect(encodeRle(boundaryOf(a)).counts).toBe(one.boundary);
    expect(boundaryIou(a, b)).toBeCloseTo(one.iou, 12);
    expect(boundaryIou(b, a)).toBeCloseTo(one.iou, 12);
  });

  it("sees an outline that is off where IoU hardly does", () => {
    const disc = (radius: number) => discImage(400, 400, { x: 200, y: 200, radius }).mask;
    // The boundary is 11 pixels deep, the outlines are 10 apart.
    expect(iou(disc(170), disc(180))).toBeGreaterThan(0.89);
    expect(boundaryIou(disc(170), disc(180))).toBeLessThan(0.2);
    expect(boundaryIou(disc(180), disc(180))).toBe(1);
  });

  it("is 1 of two empty masks, 0 of one", () => {
    const empty: BinaryMask = { width: 30, height: 20, data: new Uint8Array(600) };
    const full: BinaryMask = { ...empty, data: new Uint8Array(600).fill(1) };
    expect(boundaryIou(empty, empty)).toBe(1);
    expect(boundaryIou(empty, full)).toBe(0);
  });
});
