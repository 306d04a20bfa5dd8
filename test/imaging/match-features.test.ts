import { describe, expect, it } from "vitest";
import type { Features } from "../../src/imaging/local-features.ts";
import { placements } from "../../src/imaging/match-features.ts";
import { seededRandom } from "../../src/lib/random.ts";

const count = 40;

/** Images with the same descriptions, each shifted to the right by one more pixel. */
function scene(seed: number, images: number): Features[] {
  const random = seededRandom(seed);
  const [x, y] = [0, 1].map(() => Float32Array.from({ length: count }, () => random.next() * 250));
  const bits = Uint32Array.from({ length: count * 8 }, () => random.next() * 2 ** 32);
  return Array.from({ length: images }, (_, k) => ({
    count,
    x: (x as Float32Array).map((value) => value + k),
    y: y as Float32Array,
    level: new Uint8Array(count),
    turn: new Uint8Array(count),
    bits,
  }));
}

describe("images with features alike", () => {
  it("are found with how one lies in the other, also where one between has none", async () => {
    const [a, b] = scene(1, 2) as [Features, Features];
    const [c] = scene(2, 1) as [Features];
    const found = await placements([a, null, c, b]);
    expect(found.map(({ i, j }) => [i, j])).toEqual([[0, 3]]);
    expect(found[0]?.placement.matrix).toEqual([1, 0, 0, 1]);
    expect(found[0]?.placement.shift[0]).toBeCloseTo(1, 4);
    expect(found[0]?.placement.shift[1]).toBeCloseTo(0, 4);
  });

  it("are all found where 25 share a place, and none where 26 do: it tells nothing then", async () => {
    expect(await placements(scene(3, 25))).toHaveLength((25 * 24) / 2);
    expect(await placements(scene(3, 26))).toEqual([]);
    expect(await placements([...scene(3, 26), ...scene(4, 2)])).toMatchObject([{ i: 26, j: 27 }]);
  });
});
