import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { WireMask } from "../../src/imaging/types.ts";
import { LateValues, maskWriter, textWriter } from "../../src/routes/http/stream-json.ts";

/** COCO's run lengths use every character from 0 to o, the backslash among them. */
const counts = (length: number): string =>
  Array.from({ length }, (_, i) => String.fromCharCode(48 + ((i * 7) % 64))).join("");
const rings = (count: number, length: number): number[][] =>
  Array.from({ length: count }, (_, k) => Array.from({ length }, (__, i) => (i * k) % 8000));

const masks: readonly WireMask[] = [
  { format: "rle", size: [9, 9], counts: counts(700_001) },
  { format: "rle", size: [9, 9], counts: "09" },
  { format: "polygon", polygons: rings(5, 40_000) },
  { format: "polygon", polygons: rings(50_000, 8) },
  { format: "polygon", polygons: [] },
  { format: "png", data: "iVBORw0K".repeat(60_000) },
];

describe("masks of a long answer", () => {
  const late = new LateValues();
  const written = maskWriter(masks, late);
  const json = JSON.stringify({ masks: masks.map(written) });
  const whole = JSON.stringify({ masks });

  it("are left out of what is written at once, but for short ones", () => {
    expect(json.length).toBeLessThan(2000);
    expect(json).toContain('"counts":"09"');
  });

  it("come to the very text that JSON.stringify makes, in pieces, and their memory is given back at its end", async () => {
    let ended = 0;
    const body = late.bodyOf(json, () => ended++) as ReadableStream<Uint8Array>;
    const pieces: Uint8Array[] = [];
    for await (const piece of body) {
      expect(ended).toBe(0);
      pieces.push(piece);
    }
    expect(Buffer.concat(pieces).toString()).toBe(whole);
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(512 * 1024);
    expect(ended).toBe(1);
  });

  it("are counted and hashed before they are sent", async () => {
    expect(await late.bytesWith(json)).toBe(Buffer.byteLength(whole));
    expect(await late.digestOf(json)).toBe(createHash("sha1").update(whole).digest("base64"));
  });

  it("are let go where nobody reads on", async () => {
    let ended = 0;
    const body = late.bodyOf(json, () => ended++) as ReadableStream<Uint8Array>;
    const reader = body.getReader();
    await reader.read();
    await reader.cancel();
    expect(ended).toBe(1);
  });
});

it("short answers are written at once", () => {
  const late = new LateValues();
  const one: WireMask = { format: "rle", size: [9, 9], counts: counts(100_000) };
  expect(maskWriter([one], late)(one)).toBe(one);
  expect(textWriter(["a".repeat(200_000)], late)("b")).toBe("b");
  expect(late.some).toBe(false);
  expect(late.bodyOf("{}", () => {})).toBe("{}");
});
