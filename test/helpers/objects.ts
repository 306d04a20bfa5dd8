import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { buildApp } from "fauxqs";
import { LocalStore } from "../../src/storage/local.ts";
import { S3Store } from "../../src/storage/s3.ts";
import type { ObjectStore } from "../../src/storage/store.ts";

export interface TestStore {
  store: ObjectStore;
  /** Flips one bit of what is stored, behind the store's back. */
  readonly damage: (key: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** All keys below a prefix. */
export async function keysBelow(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of store.list(prefix)) keys.push(key);
  return keys;
}

/** An empty store on local disk. */
export async function localTestStore(): Promise<TestStore & { dir: string }> {
  const dir = await mkdtemp(join(tmpdir(), "maskwright-objects-"));
  const store = new LocalStore(dir);
  return {
    dir,
    store,
    damage: async (key) => {
      const path = join(dir, "objects", key);
      await writeFile(path, flipped(await readFile(path)));
    },
    close: () => rm(dir, { recursive: true, force: true }),
  };
}

/** An empty bucket of an S3-protocol server in this process. */
export async function s3TestStore(): Promise<TestStore & { endpoint: string }> {
  const server = buildApp({ logger: false });
  // What Amazon does and fauxqs does not: a conditional write to a key that is there answers 412.
  server.addHook("preHandler", async (request, reply) => {
    if (request.method !== "PUT" || request.headers["if-none-match"] !== "*") return;
    const there = await server.inject({ method: "HEAD", url: request.url, headers: { host: "127.0.0.1" } });
    if (there.statusCode === 200) {
      const body = "<Error><Code>PreconditionFailed</Code><Message>exists</Message></Error>";
      await reply.code(412).type("application/xml").send(body);
    }
  });
  const endpoint = await server.listen({ host: "127.0.0.1", port: 0 });
  const options = {
    endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  const client = new S3Client({ ...options, requestChecksumCalculation: "WHEN_REQUIRED" });
  const Bucket = "objects";
  await client.send(new CreateBucketCommand({ Bucket }));
  return {
    endpoint,
    store: new S3Store({ ...options, bucket: Bucket, pageSize: 3 }),
    damage: async (Key) => {
      const { Body, Metadata } = await client.send(new GetObjectCommand({ Bucket, Key }));
      const data = Buffer.from((await Body?.transformToByteArray()) ?? []);
      await client.send(new PutObjectCommand({ Bucket, Key, Body: flipped(data), Metadata }));
    },
    close: async () => {
      client.destroy();
      await server.close();
    },
  };
}

function flipped(data: Buffer): Buffer {
  const copy = Buffer.from(data);
  const middle = copy.length >> 1;
  copy.writeUInt8(copy.readUInt8(middle) ^ 1, middle);
  return copy;
}
