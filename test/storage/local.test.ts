import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { sha256 } from "../../src/lib/hash.ts";
import { createObjectStore } from "../../src/storage/create.ts";
import { LocalStore } from "../../src/storage/local.ts";
import { keysBelow, localTestStore } from "../helpers/objects.ts";

test("a writer that is killed leaves whole objects only, and every one that it had told of", async () => {
  const { dir, store, close } = await localTestStore();
  onTestFinished(close);
  const child = fork(join(import.meta.dirname, "fixtures/writer.ts"), [dir]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const told: number[] = [];
  child.on("message", (i) => told.push(Number(i)));
  while (told.length < 6) await once(child, "message");
  child.kill("SIGKILL");
  await once(child, "exit");

  const keys = await keysBelow(store, "run/");
  for (const i of told) for (let k = 0; k < 4; k++) expect(keys).toContain(`run/${i}-${k}`);
  for (const key of keys) {
    const [i, k] = key.slice(4).split("-").map(Number);
    const whole = Buffer.alloc(2 << 20, (i ?? 0) + (k ?? 0));
    expect((await store.get(key)).equals(whole)).toBe(true);
    await store.put(key, whole);
  }
});

test("an object whose digest a crash kept from being written is whole, and gets it at the next look", async () => {
  const { dir, store, close } = await localTestStore();
  onTestFinished(close);
  await store.put("a/b", Buffer.from("hello"));
  await rm(join(dir, "digests/a/b"));
  expect(await store.stat("a/b")).toMatchObject({ sha256: sha256("hello") });
  expect(await readFile(join(dir, "digests/a/b"), "utf8")).toBe(sha256("hello"));
});

test("what a crash left half-written goes with the first write of a later day", async () => {
  const { dir, store, close } = await localTestStore();
  onTestFinished(close);
  await mkdir(join(dir, "tmp"));
  for (const name of ["old", "new"]) await writeFile(join(dir, "tmp", name), "half");
  const twoDaysAgo = new Date(Date.now() - 48 * 3600 * 1000);
  await utimes(join(dir, "tmp", "old"), twoDaysAgo, twoDaysAgo);
  await store.put("a/b", Buffer.from("hello"));
  expect(await readdir(join(dir, "tmp"))).toEqual(["new"]);
});

test("a folder that can't be written is told as unavailable", async () => {
  const { dir, close } = await localTestStore();
  onTestFinished(close);
  await writeFile(join(dir, "file"), "");
  const store = new LocalStore(join(dir, "file"));
  await expect(store.check()).rejects.toMatchObject({ code: "unavailable" });
  await expect(store.put("a/b", Buffer.from("x"))).rejects.toMatchObject({ code: "unavailable" });
});

test("without a bucket objects lie below DATA_DIR", async () => {
  const { dir, close } = await localTestStore();
  onTestFinished(close);
  const store = createObjectStore({ DATA_DIR: dir, S3_REGION: "us-east-1", S3_FORCE_PATH_STYLE: false });
  await store.put("a/b", Buffer.from("hello"));
  expect(await readFile(join(dir, "objects/a/b"), "utf8")).toBe("hello");
});
