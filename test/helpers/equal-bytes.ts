import { expect } from "vitest";

/**
 * Lets toEqual and its kind see at once that two typed arrays hold the same bytes. They compare number by number
 * otherwise, which takes 12 seconds for a decoder's weights; arrays that differ are still compared so.
 */
function sameBytes(a: unknown, b: unknown): true | undefined {
  if (!ArrayBuffer.isView(a) || !ArrayBuffer.isView(b)) return undefined;
  if (a.constructor !== b.constructor || a.byteLength !== b.byteLength) return undefined;
  return bytesOf(a).equals(bytesOf(b)) ? true : undefined;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

expect.addEqualityTesters([sameBytes]);
