import { expect, test } from "vitest";
import { decodeSafetensors, encodeSafetensors } from "../../src/checkpoint/safetensors.ts";

const tensors = {
  "b.weight": { shape: [2, 3], data: Float32Array.of(1, -2, 3.5, 0, Infinity, 1e-40) },
  "a.bias": { shape: [1], data: Float32Array.of(7) },
  empty: { shape: [0, 4], data: new Float32Array() },
  scalar: { shape: [], data: Float32Array.of(-0) },
};

/** A file from a header as it is written, and this many bytes of values. */
function file(header: unknown, valueBytes: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + valueBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}
const entry = (begin: number, end: number, shape = [(end - begin) / 4], dtype = "F32") => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

test("what is written is read, metadata too", () => {
  const read = decodeSafetensors(encodeSafetensors(tensors, { base: "mobile_sam", made: "yesterday" }));
  expect(read.tensors).toEqual(tensors);
  expect(read.metadata).toEqual({ base: "mobile_sam", made: "yesterday" });
});

test("the same tensors in another order give the same bytes, and values start on a multiple of 8", () => {
  const backwards = Object.fromEntries(Object.entries(tensors).toReversed());
  const bytes = encodeSafetensors(tensors, { x: "1", y: "2" });
  expect(encodeSafetensors(backwards, { y: "2", x: "1" })).toEqual(bytes);
  expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0);
});

test("a file that lies anywhere in a larger buffer is read", () => {
  const bytes = encodeSafetensors(tensors);
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  expect(decodeSafetensors(shifted.subarray(3)).tensors).toEqual(tensors);
});

test("a tensor called __proto__ is just a tensor", () => {
  const read = decodeSafetensors(file('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4));
  expect(Object.keys(read.tensors)).toEqual(["__proto__"]);
  expect(Object.getPrototypeOf(read.tensors)).toBe(Object.prototype);
});

test.each<[string, Uint8Array, string]>([
  ["too short", new Uint8Array(5), "shorter than 8 bytes"],
  ["a header longer than the file", file({}, 0).subarray(0, 9), "ends after the file"],
  ["a header length near 2^63", Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127), "over the limit"],
  ["no JSON", file("{nope", 0), "not JSON"],
  ["bytes that are no UTF-8", Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0xc3, 0x28), "not JSON"],
  ["a list for a header", file([], 0), "not a JSON object"],
  ["another dtype", file({ w: entry(0, 4, [2], "F16") }, 4), "w has dtype F16"],
  ["a shape that is too large", file({ w: entry(0, 4, [2]) }, 4), "w has 4 bytes, its shape [2] wants 8"],
  ["a negative shape", file({ w: entry(0, 4, [-1]) }, 4), "w has a shape"],
  ["a fraction in a shape", file({ w: entry(0, 4, [0.5]) }, 4), "w has a shape"],
  ["three offsets", file({ w: { ...entry(0, 4), data_offsets: [0, 4, 8] } }, 4), "w has data_offsets"],
  ["offsets the wrong way round", file({ w: entry(8, 4, [1]) }, 8), "w has -4 bytes"],
  ["values cut short", file({ w: entry(0, 8) }, 7), "w ends at byte 8"],
  ["an overlap", file({ v: entry(0, 8), w: entry(4, 12) }, 12), "w overlaps"],
  ["a hole", file({ v: entry(0, 4), w: entry(8, 12) }, 12), "a hole of 4 bytes before w"],
  ["bytes left over", file({ w: entry(0, 4) }, 6), "2 bytes are left over"],
  ["a tensor that is no object", file({ w: 3 }, 0), "w is not described"],
  ["metadata that is not text", file({ __metadata__: { a: 1 } }, 0), "__metadata__.a is not text"],
  ["metadata that is a list", file({ __metadata__: [] }, 0), "__metadata__ is not an object"],
])("%s is refused", (_what, bytes, message) => {
  expect(() => decodeSafetensors(bytes)).toThrow(message);
});

test("tensors that don't fill their shape are not written", () => {
  expect(() => encodeSafetensors({ w: { shape: [3], data: new Float32Array(2) } })).toThrow(
    "w holds 2 values",
  );
});
