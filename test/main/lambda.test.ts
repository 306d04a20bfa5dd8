import { execFileSync } from "node:child_process";
import { PassThrough, type Writable } from "node:stream";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Config } from "../../src/config.ts";
import { fineTuneEvents } from "../../src/db/schema/index.ts";
import { buildConsole } from "../../src/main/build-console.ts";
import { createLambda, type LambdaApi } from "../../src/main/shared/lambda-api.ts";
import { trainersWantedMetric } from "../../src/main/lambda-tasks.ts";
import { urlOfSecret } from "../../src/main/shared/database-url.ts";
import { countTrainersWanted } from "../../src/db/queries/waiting.ts";
import { sha256 as hashOf } from "../../src/lib/hash.ts";
import { type TestApp, testApp } from "../helpers/app.ts";
import { asPng, noiseImage } from "../worlds/images.ts";
import { makeProject, seedFineTune } from "../helpers/seeds.ts";
import { albEvent, type Asked, httpApiEvent, restApiEvent } from "./lambda-events.ts";

let app: TestApp;
let project: string;
let config: Config;
const lambdas: LambdaApi[] = [];
beforeAll(async () => {
  app = await testApp();
  project = await makeProject(app.a);
  config = { ...app.services.config, DATABASE_URL: app.databaseUrl };
});
afterAll(async () => {
  for (const { services } of lambdas) await services.close();
  await app?.close();
});

async function start(settings: Partial<Config> = {}): Promise<LambdaApi> {
  const lambda = await createLambda({ ...config, ...settings });
  lambdas.push(lambda);
  return lambda;
}

interface Result {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
  isBase64Encoded: boolean;
}

const authorized = (): Record<string, string> => ({ authorization: `Bearer ${app.a.key}` });

describe("answers that are taken whole", () => {
  let lambda: LambdaApi;
  beforeAll(async () => {
    lambda = await start();
  });
  /** The body as the platform sends it on: what the adapter wrapped in base64 is bytes again. */
  const ask = async (asked: Asked, make = httpApiEvent): Promise<Result> => {
    const result = (await lambda.handler(make(asked))) as Result;
    return result.isBase64Encoded
      ? { ...result, body: Buffer.from(result.body, "base64").toString() }
      : result;
  };

  it.each([
    ["a function URL or HTTP API", httpApiEvent],
    ["a REST API", restApiEvent],
    ["a load balancer", albEvent],
  ])("come to a request from %s", async (_name, make) => {
    const health = await ask({ method: "GET", path: "/healthz" }, make);
    expect(health).toMatchObject({ statusCode: 200, isBase64Encoded: false });
    expect(JSON.parse(health.body)).toEqual({ status: "ok" });
    const made = await ask(
      {
        method: "POST",
        path: "/v1/projects",
        headers: { ...authorized(), "content-type": "application/json" },
        body: JSON.stringify({ name: "from Lambda" }),
      },
      make,
    );
    expect(made.statusCode).toBe(201);
    expect(JSON.parse(made.body)).toMatchObject({ object: "project", name: "from Lambda" });
  });

  it("tell errors as everywhere", async () => {
    const refused = await ask({ method: "GET", path: "/v1/projects" });
    expect(refused.statusCode).toBe(401);
    expect(JSON.parse(refused.body)).toMatchObject({ error: { code: "missing_api_key" } });
  });

  it("carry the console, compressed bytes and all", async () => {
    await buildConsole();
    const page = await ask({ method: "GET", path: "/" });
    expect(page).toMatchObject({ statusCode: 200 });
    const script = /<script[^>]* src="([^"]+)"/.exec(page.body)?.[1] ?? "none";
    const headers = { "accept-encoding": "gzip" };
    const zipped = (await lambda.handler(httpApiEvent({ method: "GET", path: script, headers }))) as Result;
    expect(zipped).toMatchObject({ statusCode: 200, isBase64Encoded: true });
    expect(zipped.headers["content-encoding"]).toBe("gzip");
    const plain = await ask({ method: "GET", path: script });
    expect(gunzipSync(Buffer.from(zipped.body, "base64")).toString()).toBe(plain.body);
  });

  it("are logged to the end and counted by the time they are there: nothing runs after them", async () => {
    const image = { base64: (await asPng(noiseImage(64, 48, 2))).toString("base64") };
    const predicted = await ask({
      method: "POST",
      path: `/v1/projects/${project}/predict`,
      headers: { ...authorized(), "content-type": "application/json" },
      body: JSON.stringify({ image, prompts: [{ points: [[20, 20, 1]] }] }),
    });
    expect(predicted.statusCode).toBe(200);
    const { id } = JSON.parse(predicted.body) as { id: string };
    expect(await app.sql`select masks, embedding_from from predictions where id = ${id}`).toMatchObject([
      { masks: 1, embedding_from: "encoder" },
    ]);
    expect(await app.sql`select predictions::int as n from monthly_usage`).toMatchObject([{ n: 1 }]);
  });

  it("take an image's bytes as they are, and say where the query ends", async () => {
    const bytes = await asPng(noiseImage(64, 48, 1));
    const stored = await ask({
      method: "POST",
      path: `/v1/projects/${project}/images`,
      headers: { ...authorized(), "content-type": "image/png" },
      body: bytes,
    });
    expect(stored.statusCode).toBe(201);
    const { id, sha256 } = JSON.parse(stored.body) as { id: string; sha256: string };
    expect(id).toMatch(/^img_/);
    expect(sha256).toBe(hashOf(bytes));
    const listed = await ask({
      method: "GET",
      path: `/v1/projects/${project}/images`,
      query: "limit=0",
      headers: authorized(),
    });
    expect(JSON.parse(listed.body)).toMatchObject({ error: { code: "invalid_request", param: "limit" } });
  });

  it("end an event stream after what is there, so that its client polls", async () => {
    const { path, ids } = await fineTuneWithEvents(["one", "two"]);
    const headers = { ...authorized(), accept: "text/event-stream" };
    const first = await ask({ method: "GET", path, headers });
    expect(first.headers["content-type"]).toContain("text/event-stream");
    expect(messages(first.body)).toEqual(["one", "two"]);
    const resumed = { ...headers, "last-event-id": String(ids[0]) };
    expect(messages((await ask({ method: "GET", path, headers: resumed })).body)).toEqual(["two"]);
  });
});

describe("answers that stream", () => {
  it("send events as they come, with status and headers ahead", async () => {
    const sent = new PassThrough();
    const head = Promise.withResolvers<{ statusCode: number; headers: Record<string, string> }>();
    // What the runtime gives to handlers that stream; the rest of the way is Hono's adapter.
    Object.assign(globalThis, {
      awslambda: {
        streamifyResponse: (handler: unknown) => handler,
        HttpResponseStream: {
          from: (stream: Writable, metadata: { statusCode: number; headers: Record<string, string> }) => {
            head.resolve(metadata);
            return stream;
          },
        },
      },
    });
    const { handler } = await start({ LAMBDA_RESPONSE: "stream" });
    const { path, fineTuneId } = await fineTuneWithEvents(["first"]);
    const streaming = handler as unknown as (
      event: unknown,
      stream: Writable,
      context: unknown,
    ) => Promise<void>;
    const headers = { ...authorized(), accept: "text/event-stream" };
    const ended = streaming(httpApiEvent({ method: "GET", path, headers }), sent, {});
    expect(await head.promise).toMatchObject({
      statusCode: 200,
      headers: { "content-type": expect.stringContaining("text/event-stream") },
    });
    let text = "";
    for await (const chunk of sent) {
      text += String(chunk);
      // Written once the first was read: so it did come before the end.
      if (text.includes('"first"') && !text.includes('"second"')) {
        await append(fineTuneId, "second");
        await app.sql`update fine_tunes set status = 'failed', finished_at = now() where id = ${fineTuneId}`;
      }
    }
    await ended;
    expect(messages(text)).toEqual(["first", "second"]);
    expect(text).toContain("event: fine_tune\n");
  });
});

describe("what a start loads", () => {
  it("holds no TensorFlow.js, no trainer, and no onnxruntime before the first image", () => {
    const script = `
      import { registerHooks } from "node:module";
      const loaded = [];
      registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
      await import("./src/main/shared/lambda-api.ts");
      console.log(JSON.stringify(loaded.map((url) => url.split("/node_modules/").at(-1))));`;
    const out = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    const loaded = JSON.parse(out) as string[];
    expect(loaded.length).toBeGreaterThan(100);
    expect(
      loaded.filter((url) => /^@tensorflow|^pg-boss|^file:.*\/src\/(training|model|graph|queue)\//.test(url)),
    ).toEqual([]);
    expect(loaded.filter((url) => url.startsWith("onnxruntime"))).toEqual([]);
  });
});

describe("the deployment's small jobs", () => {
  it("count a project once, whatever waits in it", async () => {
    const before = await countTrainersWanted(app.db);
    const other = await makeProject(app.b);
    await seedFineTune(app, other);
    await seedFineTune(app, other);
    expect(await countTrainersWanted(app.db)).toBe(before + 1);
    expect(trainersWantedMetric(3, 1_710_346_370_123)).toMatchObject({ TrainersWanted: 3 });
  });

  it("make a URL of a secret, whatever stands in its password", () => {
    const secret = {
      username: "app",
      password: "p@ss/w:rd?",
      host: "db.example",
      port: 5432,
      dbname: "maskwright",
    };
    const url = new URL(urlOfSecret(JSON.stringify(secret)));
    expect(decodeURIComponent(url.password)).toBe("p@ss/w:rd?");
    expect(url.href).toMatch(/@db\.example:5432\/maskwright\?sslmode=verify-full$/);
    expect(() => urlOfSecret(`{"username":"app"}`)).toThrow("it has no host");
  });
});

async function fineTuneWithEvents(texts: string[]) {
  const fineTuneId = await seedFineTune(app, project);
  const ids = [];
  for (const text of texts) ids.push(await append(fineTuneId, text));
  return { fineTuneId, ids, path: `/v1/projects/${project}/fine-tunes/${fineTuneId}/events` };
}

async function append(fineTuneId: string, message: string): Promise<number> {
  const row = { workspaceId: app.a.workspaceId, fineTuneId, message };
  const [event] = await app.db
    .insert(fineTuneEvents)
    .values({ ...row, level: "info", type: "message" })
    .returning();
  return event?.id ?? 0;
}

/** Messages of the events in a stream's text. */
const messages = (text: string): string[] =>
  text
    .split("\n")
    .filter((line) => line.startsWith("data: {") && line.includes("fine_tune.event"))
    .map((line) => (JSON.parse(line.slice(6)) as { message: string }).message);
