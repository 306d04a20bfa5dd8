import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { sha256 } from "../../src/lib/hash.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { keysBelow, type TestStore } from "../helpers/objects.ts";

const hello = Buffer.from("hello");

/** What every store does alike, wherever its objects lie. */
export function storeCases(name: string, make: () => Promise<TestStore>): void {
  describe(`objects on ${name}`, () => {
    const open: TestStore[] = [];
    const fresh = async (): Promise<TestStore> => {
      const made = await make();
      open.push(made);
      return made;
    };
    const temporaryFolder = async (): Promise<string> => {
      const folder = await mkdtemp(join(tmpdir(), "maskwright-files-"));
      onTestFinished(() => rm(folder, { recursive: true }));
      return folder;
    };
    afterEach(async () => {
      for (const made of open.splice(0)) {
        await made.store.close();
        await made.close();
      }
    });

    test("what was put is got, and says its size and SHA-256", async () => {
      const { store } = await fresh();
      const random = seededRandom(1);
      const embedding = Buffer.from(Uint8Array.from({ length: 4 << 20 }, () => random.below(256)));
      for (const [key, data] of [
        ["a/empty", Buffer.alloc(0)],
        ["a/hello", hello],
        ["a/embedding.f32", embedding],
      ] as const) {
        const info = { key, bytes: data.length, sha256: sha256(data) };
        expect(await store.put(key, data)).toEqual(info);
        expect(await store.stat(key)).toEqual({ ...info, writtenAt: expect.any(Date) });
        expect((await store.get(key)).equals(data)).toBe(true);
      }
    });

    test("a file that is given away becomes the object, or gives way to it, and is gone", async () => {
      const { store } = await fresh();
      const elsewhere = await temporaryFolder();
      if (store.nearby !== undefined) await mkdir(store.nearby, { recursive: true });
      const given = { bytes: hello.length, sha256: sha256(hello) };
      const paths = [store.nearby ?? elsewhere, elsewhere].map((folder) => join(folder, "given"));
      for (const path of paths) {
        await writeFile(path, hello);
        expect(await store.putFile("a/given", path, { given })).toEqual({ key: "a/given", ...given });
        await expect(readFile(path)).rejects.toMatchObject({ code: "ENOENT" });
      }
      expect((await store.get("a/given")).equals(hello)).toBe(true);
      const [path = ""] = paths;
      await writeFile(path, "other");
      const other = { bytes: 5, sha256: sha256("other") };
      await expect(store.putFile("a/given", path, { given: other })).rejects.toMatchObject({
        code: "object_conflict",
      });
      expect((await store.get("a/given")).equals(hello)).toBe(true);
    });

    test("a file is put and got without its bytes, as the very same object", async () => {
      const { store } = await fresh();
      const folder = await temporaryFolder();
      const random = seededRandom(2);
      const data = Buffer.from(Uint8Array.from({ length: 3_000_001 }, () => random.below(256)));
      const [path, copy, empty] = ["in", "out", "empty"].map((file) => join(folder, file)) as [
        string,
        string,
        string,
      ];
      await writeFile(path, data);
      await writeFile(empty, "");
      const info = { key: "a/zip", bytes: data.length, sha256: sha256(data) };
      expect(await store.putFile("a/zip", path)).toEqual(info);
      expect(await store.put("a/zip", data)).toEqual(info);
      expect(await store.putFile("a/zip", path)).toEqual(info);
      expect((await store.get("a/zip")).equals(data)).toBe(true);
      await store.getFile("a/zip", copy);
      expect((await readFile(copy)).equals(data)).toBe(true);
      await expect(store.putFile("a/zip", empty)).rejects.toMatchObject({ code: "object_conflict" });
      await store.putFile("a/empty", empty);
      await store.getFile("a/empty", copy);
      expect(await readFile(copy, "utf8")).toBe("");
    });

    test("a file that can't be had leaves no file, and one that can't be read no object", async () => {
      const { store, damage } = await fresh();
      const folder = await temporaryFolder();
      const path = join(folder, "out");
      await expect(store.getFile("a/b", path)).rejects.toMatchObject({ code: "object_not_found" });
      await store.put("a/b", hello);
      await damage("a/b");
      await expect(store.getFile("a/b", path)).rejects.toMatchObject({ code: "object_corrupted" });
      expect(await readdir(folder)).toEqual([]);
      await expect(store.putFile("a/c", path)).rejects.toThrow();
      expect(await store.stat("a/c")).toBeNull();
    });

    test("the same bytes again are fine, others are a conflict and change nothing", async () => {
      const { store } = await fresh();
      const first = await store.put("a/b", hello);
      expect(await store.put("a/b", Buffer.from("hello"))).toEqual(first);
      await expect(store.put("a/b", Buffer.from("other"))).rejects.toMatchObject({ code: "object_conflict" });
      expect(await store.get("a/b")).toEqual(hello);
    });

    test("of ten writers at once with different bytes one wins, whole", async () => {
      const { store } = await fresh();
      const bodies = Array.from({ length: 10 }, (_, i) => Buffer.alloc(1000, i));
      const results = await Promise.allSettled(bodies.map((body) => store.put("a/race", body)));
      expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
      for (const result of results) {
        if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "object_conflict" });
      }
      const winner = results.findIndex((result) => result.status === "fulfilled");
      expect(await store.get("a/race")).toEqual(bodies[winner]);
    });

    test("a flipped bit in the store is found at the read", async () => {
      const { store, damage } = await fresh();
      await store.put("a/b", hello);
      await damage("a/b");
      await expect(store.get("a/b")).rejects.toMatchObject({ code: "object_corrupted" });
      await store.delete("a/b");
      await store.put("a/b", hello);
      expect(await store.get("a/b")).toEqual(hello);
    });

    test("a key that is not there: null, object_not_found, and nothing to delete", async () => {
      const { store } = await fresh();
      expect(await store.stat("a/b")).toBeNull();
      await expect(store.get("a/b")).rejects.toMatchObject({ code: "object_not_found" });
      await store.delete("a/b");
      await store.put("a/b", hello);
      await store.delete("a/b");
      expect(await store.stat("a/b")).toBeNull();
      await store.put("a/b", Buffer.from("a key that was deleted is free again"));
    });

    test("keys are listed in order, by prefix, over several pages", async () => {
      const { store } = await fresh();
      const list = async (prefix: string): Promise<string[]> => keysBelow(store, prefix);
      expect(await list("projects/prj_1/")).toEqual([]);
      const ours = [
        "prj_1-b/x",
        "prj_1/images/1",
        "prj_1/images/2",
        "prj_1/versions/a.safetensors",
        "prj_1.zip",
        "prj_1/images/10",
      ];
      for (const key of [...ours, "prj_2/images/1"]) await store.put(`projects/${key}`, Buffer.from(key));
      expect(await list("projects/prj_1/")).toEqual([
        "projects/prj_1/images/1",
        "projects/prj_1/images/10",
        "projects/prj_1/images/2",
        "projects/prj_1/versions/a.safetensors",
      ]);
      expect(await list("projects/prj_1")).toEqual(ours.map((key) => `projects/${key}`).sort());
      expect(await list("")).toHaveLength(7);
    });

    test.each([
      "",
      "/etc/passwd",
      "a/../b",
      "..",
      "a//b",
      "a/",
      ".hidden",
      "a/.b",
      "a b",
      "a\\b",
      "a\0b",
      "ä",
      "-rf",
    ])("the key %j is refused", async (key) => {
      const { store } = await fresh();
      await expect(store.put(key, hello)).rejects.toThrow("not an object key");
      await expect(store.get(key)).rejects.toThrow("not an object key");
      await expect(store.stat(key)).rejects.toThrow("not an object key");
      await expect(store.delete(key)).rejects.toThrow("not an object key");
    });

    test("a check of a store that works leaves nothing behind", async () => {
      const { store } = await fresh();
      await store.check();
      expect(await keysBelow(store, "")).toEqual([]);
    });
  });
}
