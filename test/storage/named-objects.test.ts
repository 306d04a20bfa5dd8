import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { sha256 } from "../../src/lib/hash.ts";
import { faultOf, mendObject } from "../../src/storage/named-objects.ts";
import { localTestStore, wrapStore } from "../helpers/objects.ts";

const bytes = Buffer.from("the bytes of an image");
const registered = { key: "projects/prj_a/images/x", sha256: sha256(bytes) };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "maskwright-named-"));
  await writeFile(join(folder, "file"), bytes);
});
afterAll(() => rm(folder, { recursive: true }));

it("looks at an object, and brings it back, without holding it in memory", async () => {
  const local = await localTestStore();
  const store = wrapStore(local.store, { get: () => Promise.reject(new Error("it was read whole")) });
  expect(await faultOf(store, registered)).toBe("missing");
  await mendObject(store, { ...registered, path: join(folder, "file") });
  expect(await faultOf(store, registered)).toBeNull();
  expect(await faultOf(store, { ...registered, sha256: sha256("others") })).toBe("damaged");
  await local.close();
});
