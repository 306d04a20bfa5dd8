import { expect, it } from "vitest";

const ramp = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => i / 7);

it("sees in no time that large arrays are equal", () => {
  expect({ data: ramp(1e6) }).toEqual({ data: ramp(1e6) });
  expect(Buffer.from(ramp(1e6).buffer)).toStrictEqual(Buffer.from(ramp(1e6).buffer));
});

it("still sees what differs", () => {
  expect(ramp(9)).not.toEqual(ramp(8));
  expect({ data: ramp(9) }).not.toEqual({ data: ramp(9).fill(1, 8) });
  expect(Float32Array.of(1)).not.toEqual(Int32Array.from(new Uint32Array(Float32Array.of(1).buffer)));
  expect(Float32Array.of(0)).not.toEqual(Float32Array.of(-0));
  expect(ramp(9).subarray(1)).not.toEqual(ramp(9).subarray(0, 8));
});

it("leaves equal what was", () => {
  expect(Float32Array.of(Number.NaN)).toEqual(Float32Array.of(Number.NaN));
  expect(ramp(9).subarray(1)).toEqual(ramp(9).slice(1));
  expect(new Float32Array(new SharedArrayBuffer(8))).toEqual(new Float32Array(2));
});
