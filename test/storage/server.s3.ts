import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../../src/lib/hash.ts";
import { S3Store } from "../../src/storage/s3.ts";
import { flipped, type TestStore } from "../helpers/objects.ts";
import { storeCases } from "./store-cases.ts";

/** The same cases as in npm test, and more, against a server in a process of its own: moto, or S3_TEST_ENDPOINT. */
const given = process.env["S3_TEST_ENDPOINT"];
const credentials = {
  accessKeyId: process.env["AWS_ACCESS_KEY_ID"] ?? "test",
  secretAccessKey: process.env["AWS_SECRET_ACCESS_KEY"] ?? "test",
};
let server: ChildProcess | undefined;
let endpoint: string;
let client: S3Client;

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}

beforeAll(async () => {
  const port = await freePort();
  endpoint = given ?? `http://127.0.0.1:${port}`;
  if (given === undefined) {
    const program = process.env["MOTO_SERVER"] ?? "moto_server";
    server = spawn(program, ["-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
    server.once("error", (error) => {
      throw new Error(
        `moto_server can't be started: npm run test:s3 finds or installs it (${error.message})`,
      );
    });
  }
  const options = { endpoint, region: "us-east-1", forcePathStyle: true, credentials };
  client = new S3Client({
    ...options,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
  const answers = async (): Promise<boolean> =>
    fetch(endpoint).then(
      () => true,
      () => false,
    );
  while (!(await answers())) await pause(200);
});
afterAll(() => {
  client.destroy();
  server?.kill("SIGKILL");
});

async function bucket(): Promise<TestStore & { store: S3Store; name: string }> {
  const name = `objects-${randomBytes(6).toString("hex")}`;
  await client.send(new CreateBucketCommand({ Bucket: name }));
  return {
    name,
    store: new S3Store({
      endpoint,
      region: "us-east-1",
      forcePathStyle: true,
      credentials,
      bucket: name,
      pageSize: 3,
    }),
    damage: async (Key) => {
      const { Body, Metadata } = await client.send(new GetObjectCommand({ Bucket: name, Key }));
      const data = Buffer.from((await Body?.transformToByteArray()) ?? []);
      await client.send(new PutObjectCommand({ Bucket: name, Key, Body: flipped(data), Metadata }));
    },
    close: async () => {},
  };
}

storeCases("an S3 server", bucket);

describe("an S3 server", () => {
  it("takes one of many conditional writes of a key, and answers 412 to the others", async () => {
    const { name, store } = await bucket();
    const writes = Array.from({ length: 10 }, (_, i) =>
      client
        .send(new PutObjectCommand({ Bucket: name, Key: "one", Body: `writer ${i}`, IfNoneMatch: "*" }))
        .then(() => 200)
        .catch((error: { $metadata: { httpStatusCode: number } }) => error.$metadata.httpStatusCode),
    );
    const answers = await Promise.all(writes);
    expect(answers.filter((status) => status === 200)).toHaveLength(1);
    expect(answers.filter((status) => status === 412 || status === 409)).toHaveLength(9);
    await store.close();
  });

  it("takes just the announced bytes by a link, once, and gives them by another", async () => {
    const { store } = await bucket();
    const bytes = Buffer.from("an image, sent straight to the store");
    const wanted = { seconds: 60, contentType: "image/png", bytes: bytes.length, sha256: sha256(bytes) };
    const link = await store.links.write("projects/p/uploads/u", wanted);
    const send = (body: Buffer) => fetch(link.url, { method: link.method, headers: link.headers, body });
    expect((await send(bytes)).status).toBe(200);
    expect((await send(bytes)).status).toBe(412);
    expect(await store.get("projects/p/uploads/u")).toEqual(bytes);
    const read = await store.links.read("projects/p/uploads/u", {
      seconds: 60,
      contentType: "image/png",
      fileName: "größe.png",
    });
    const answer = await fetch(read.url);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(bytes);
    expect(answer.headers.get("content-type")).toBe("image/png");
    await store.close();
  });

  it("holds what came in parts, which is read and checked like any other object", async () => {
    const { name, store } = await bucket();
    const parts = [Buffer.alloc(5 << 20, 7), Buffer.from("the rest")];
    const whole = Buffer.concat(parts);
    const target = { Bucket: name, Key: "projects/p/images/big" };
    const { UploadId } = await client.send(
      new CreateMultipartUploadCommand({ ...target, Metadata: { sha256: sha256(whole) } }),
    );
    const sent = await Promise.all(
      parts.map(async (Body, i) => {
        const part = { ...target, UploadId, PartNumber: i + 1 };
        return {
          PartNumber: part.PartNumber,
          ETag: (await client.send(new UploadPartCommand({ ...part, Body }))).ETag,
        };
      }),
    );
    expect(await store.stat(target.Key)).toBeNull();
    await client.send(
      new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts: sent } }),
    );
    expect(await store.stat(target.Key)).toMatchObject({ bytes: whole.length, sha256: sha256(whole) });
    expect((await store.get(target.Key)).equals(whole)).toBe(true);
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: name }));
    expect(Uploads).toEqual([]);
    await store.close();
  });
});
