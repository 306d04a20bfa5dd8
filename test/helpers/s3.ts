import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { buildApp } from "fauxqs";
import { S3Store } from "../../src/storage/s3.ts";
import { flipped, type TestStore } from "./objects.ts";

const access = {
  region: "us-east-1",
  forcePathStyle: true,
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
};

/** An empty bucket of an S3-protocol server in this process; `read` are the objects that it was asked for, in order. */
export async function s3TestStore(): Promise<
  TestStore & { endpoint: string; options: typeof access & { endpoint: string }; read: string[] }
> {
  const server = buildApp({ logger: false });
  const read: string[] = [];
  server.addHook("onRequest", async ({ method, url }) => {
    const { pathname } = new URL(url, "http://bucket");
    if (method === "GET" && pathname.startsWith("/objects/")) read.push(pathname.slice("/objects/".length));
  });
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
  const options = { endpoint, ...access };
  const client = new S3Client({ ...options, requestChecksumCalculation: "WHEN_REQUIRED" });
  const Bucket = "objects";
  await client.send(new CreateBucketCommand({ Bucket }));
  return {
    endpoint,
    options,
    read,
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
