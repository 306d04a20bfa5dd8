import { expect, it } from "vitest";
import { KeptLoads } from "../../src/lib/kept-loads.ts";

const bytesOf = ({ byteLength }: ArrayBuffer): number => byteLength;

/** Loads under ids with the sizes given, one after the other; gives the ids that had to be loaded. */
async function loadedOf(bytes: number, asked: readonly (readonly [string, number])[]): Promise<string[]> {
  const loads = new KeptLoads<ArrayBuffer>({ bytes, bytesOf });
  const loaded: string[] = [];
  for (const [id, size] of asked) {
    await loads.get(id, async () => {
      loaded.push(id);
      return new ArrayBuffer(size);
    });
  }
  return loaded;
}

it("keeps what fits into the bytes, and lets the least recently asked for go", async () => {
  const asked = [
    ["a", 40],
    ["b", 40],
    ["a", 40],
    ["c", 40],
    ["a", 40],
    ["b", 40],
  ] as const;
  expect(await loadedOf(100, asked)).toEqual(["a", "b", "c", "b"]);
  expect(await loadedOf(120, asked)).toEqual(["a", "b", "c"]);
});

it("gives what is larger than all that is kept, and does not keep it", async () => {
  const asked = [
    ["a", 101],
    ["a", 101],
  ] as const;
  expect(await loadedOf(100, asked)).toEqual(["a", "a"]);
});

it("loads once for all who ask at the same time, and again after a failure", async () => {
  const loads = new KeptLoads<ArrayBuffer>({ bytes: 100, bytesOf });
  const gate = Promise.withResolvers<ArrayBuffer>();
  const both = ["first", "second"].map(() => loads.get("a", () => gate.promise));
  gate.reject(new Error("the store is away"));
  const results = await Promise.allSettled(both);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect((await loads.get("a", async () => new ArrayBuffer(7))).byteLength).toBe(7);
});
