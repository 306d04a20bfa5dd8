import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Database } from "../../../src/db/client.ts";
import { noQuotas } from "../../../src/db/queries/usage.ts";
import { Placed } from "../../../src/jobs/import/placed.ts";
import { LocalStore } from "../../../src/storage/local.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "maskwright-placed-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

it("counts the same bytes once, though both come before either is stored", async () => {
  const store = new LocalStore(join(folder, "store"));
  // With room for one image of a byte; whoever would take more is asked for in the database, which is none.
  const noDatabase = undefined as unknown as Database;
  const room = { images: 1, bytes: 1 };
  const placed = new Placed(noDatabase, store, {
    workspaceId: "ws_1",
    room,
    quotas: noQuotas,
    archiveBytes: 0,
  });
  const add = async (name: string, text: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, text);
    await placed.add(`images/${text}`, path, { sha256: text, byteLength: 1, facts: { format: "png" } });
    return path;
  };
  const paths = [await add("first", "a"), await add("second", "a")];
  await placed.settled();
  expect(paths.map((path) => existsSync(path))).toEqual([false, false]);
  expect((await store.get("images/a")).toString()).toBe("a");
  await add("third", "b");
  await expect(placed.settled()).rejects.toThrow(TypeError);
});
