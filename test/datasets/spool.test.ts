import { existsSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Spool, SpoolRoom } from "../../src/datasets/spool.ts";

const MiB = 1024 * 1024;

it("gives back each piece, from memory as far as spools have room and else from disk", async () => {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-spool-"));
  try {
    const room = new SpoolRoom(2 * MiB);
    const paths = [join(folder, "first"), join(folder, "second")];
    const spools = paths.map((path) => new Spool(path, room));
    const sizes = [10, 0, 700_000, 3 * MiB, 700_000, 5, MiB, 12, 700_000, MiB + 1, 3];
    const pieces = sizes.map((bytes, i) => Buffer.alloc(bytes, i + 1));
    for (const spool of spools) {
      for (const [i, piece] of pieces.entries()) {
        expect(spool.add(piece)).toBe(i);
        // Between others, what has just come too.
        if (i % 3 === 0) expect(spool.read(i).equals(piece)).toBe(true);
      }
      for (const [i, piece] of pieces.entries()) expect(spool.read(i).equals(piece)).toBe(true);
    }
    // The second spool comes too late for the room: all of its pieces lie in its file.
    const [first = 0, second = 0] = paths.map((path) => statSync(path).size);
    const total = sizes.reduce((a, b) => a + b);
    expect(second).toBe(total);
    expect(first).toBeLessThan(total - MiB);
    for (const spool of spools) spool.close();
    expect(paths.map((path) => existsSync(path))).toEqual([false, false]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
