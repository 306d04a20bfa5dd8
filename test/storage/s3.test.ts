import { expect, test } from "vitest";
import { S3Store } from "../../src/storage/s3.ts";
import { keysBelow } from "../helpers/objects.ts";
import { s3TestStore } from "../helpers/s3.ts";

test("a server that is gone is told as unavailable, by every call", async () => {
  const { store, close } = await s3TestStore();
  await store.put("a/b", Buffer.from("hello"));
  await close();
  const gone = { code: "unavailable" };
  await expect(store.check()).rejects.toMatchObject(gone);
  await expect(store.put("a/c", Buffer.from("x"))).rejects.toMatchObject(gone);
  await expect(store.get("a/b")).rejects.toMatchObject(gone);
  await expect(store.stat("a/b")).rejects.toMatchObject(gone);
  await expect(store.delete("a/b")).rejects.toMatchObject(gone);
  await expect(keysBelow(store, "a/")).rejects.toMatchObject(gone);
  await store.close();
});

test("a bucket that is not there is told as unavailable, and not as a missing object", async () => {
  const made = await s3TestStore();
  const endpoint = made.endpoint;
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const store = new S3Store({
    bucket: "nowhere",
    region: "us-east-1",
    endpoint,
    forcePathStyle: true,
    credentials,
  });
  await expect(store.get("a/b")).rejects.toMatchObject({ code: "unavailable" });
  await expect(store.check()).rejects.toMatchObject({ code: "unavailable" });
  await store.close();
  await made.close();
});
