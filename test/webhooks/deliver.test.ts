import { readFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createHmac } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createQueue, type Queue } from "../../src/queue/queue.ts";
import { workWebhooks } from "../../src/webhooks/work.ts";
import { deliver } from "../../src/webhooks/deliver.ts";
import { generateSecret } from "../../src/webhooks/sign.ts";
import { withDns } from "../helpers/dns.ts";
import { type Answer, errorOf, idOf, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, seedAnnotated } from "../helpers/seeds.ts";
import { Mailbox } from "../queue/harness.ts";

interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let app: TestApp;
let queue: Queue;
let receiver: Server;
let origin: string;
const received = new Mailbox<Received>();
/** What the receiver answers next; 200 when there is nothing. */
const answers: number[] = [];

beforeAll(async () => {
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const status = answers.shift() ?? 200;
      response.writeHead(status, status === 302 ? { location: `${origin}/elsewhere` } : {}).end("thanks");
      const { url: path = "", headers } = request;
      received.put({ path, headers, body: Buffer.concat(chunks).toString() });
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  app = await testApp({ WEBHOOK_ALLOW_PRIVATE: true });
  queue = await createQueue({ databaseUrl: app.databaseUrl, log: app.services.log });
  // A second try comes after one second, not five: nothing here is about how long it waits.
  await app.sql`update pgboss.queue set retry_delay = 1 where name = 'webhook'`;
  await workWebhooks(app.services, queue, { allowPrivate: true });
});
afterAll(async () => {
  await queue?.stop();
  await app?.close();
  receiver?.closeAllConnections();
  receiver?.close();
});

const hook = async (path: string, options: object = {}): Promise<Answer> => {
  const made = await app.a.post("/v1/webhooks", { url: `${origin}${path}`, ...options });
  expect(errorOf(made)).toBe("201");
  return made;
};
const deliveries = async (webhook: string): Promise<Record<string, unknown>[]> =>
  (await app.a.get(`/v1/webhooks/${webhook}/deliveries`)).body["data"] as Record<string, unknown>[];
/** The newest message of a webhook, once it is as wanted; the log is written after the receiver has answered. */
const settled = async (
  webhook: string,
  status: string,
  attempts: number,
): Promise<Record<string, unknown>> => {
  await expect
    .poll(async () => (await deliveries(webhook))[0], { timeout: 30_000, interval: 50 })
    .toMatchObject({ status, attempt_count: attempts });
  return (await deliveries(webhook))[0] as Record<string, unknown>;
};
const sign = (secret: unknown, { headers, body }: Received): string => {
  const key = Buffer.from(String(secret).slice("whsec_".length), "base64");
  const text = `${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${body}`;
  return `v1,${createHmac("sha256", key).update(text).digest("base64")}`;
};

describe("a webhook", () => {
  it("is told of a fine-tune, signed, and the log says how it went", async () => {
    const project = await makeProject(app.a);
    await seedAnnotated(app, project, 3);
    const made = await hook("/one", { project_id: project, events: ["fine_tune.queued"] });
    const job = await app.a.post(`/v1/projects/${project}/fine-tunes`, {});
    const message = await received.next();
    expect(message.path).toBe("/one");
    expect(message.headers["content-type"]).toBe("application/json");
    expect(message.headers["webhook-signature"]).toBe(sign(made.body["secret"], message));
    expect(Math.abs(Number(message.headers["webhook-timestamp"]) * 1000 - Date.now())).toBeLessThan(60_000);
    const body = JSON.parse(message.body) as Record<string, unknown>;
    expect(body).toMatchObject({
      type: "fine_tune.queued",
      data: { id: idOf(job), object: "fine_tune", project_id: project, status: "queued" },
    });
    expect(await settled(idOf(made), "delivered", 1)).toMatchObject({
      id: message.headers["webhook-id"],
      event: "fine_tune.queued",
      payload: body,
      attempts: [{ status: 200, error: null }],
    });
    await app.a.send("DELETE", `/v1/webhooks/${idOf(made)}`);
  });

  it("gets a message again until it takes it, with the same id, and by a replay", async () => {
    const id = idOf(await hook("/again"));
    answers.push(500, 302);
    await app.a.post(`/v1/webhooks/${id}/test`, {});
    const ids = new Set<unknown>();
    for (let i = 0; i < 3; i++) ids.add((await received.next()).headers["webhook-id"]);
    expect(ids.size).toBe(1);
    const done = await settled(id, "delivered", 3);
    expect(done["attempts"]).toMatchObject([
      { status: 500, error: "the receiver answered 500" },
      { status: 302, error: "redirects are not followed" },
      { status: 200, error: null },
    ]);
    const replay = await app.a.post(`/v1/webhooks/${id}/deliveries/${String(done["id"])}/replay`, {});
    expect(replay).toMatchObject({ status: 202, body: { status: "queued" } });
    expect((await received.next()).headers["webhook-id"]).toBe(done["id"]);
    await settled(id, "delivered", 4);
  });

  it("signs with both secrets after a rotation, and with the new one alone where no overlap is wanted", async () => {
    const made = await hook("/rotated");
    const id = idOf(made);
    const rotated = await app.a.post(`/v1/webhooks/${id}/rotate-secret`, {});
    expect(rotated.body["secret"]).not.toBe(made.body["secret"]);
    await app.a.post(`/v1/webhooks/${id}/test`, {});
    const both = await received.next();
    expect(both.headers["webhook-signature"]).toBe(
      `${sign(rotated.body["secret"], both)} ${sign(made.body["secret"], both)}`,
    );
    const last = await app.a.post(`/v1/webhooks/${id}/rotate-secret`, { overlap_seconds: 0 });
    await app.a.post(`/v1/webhooks/${id}/test`, {});
    const one = await received.next();
    expect(one.headers["webhook-signature"]).toBe(sign(last.body["secret"], one));
  });

  it("is switched off by a receiver that is gone, and what still waits is given up", async () => {
    const id = idOf(await hook("/gone"));
    answers.push(410);
    await app.a.post(`/v1/webhooks/${id}/test`, {});
    await received.next();
    await settled(id, "failed", 1);
    await expect
      .poll(async () => (await app.a.get(`/v1/webhooks/${id}`)).body["enabled"], { timeout: 10_000 })
      .toBe(false);
    await app.a.post(`/v1/webhooks/${id}/test`, {});
    await settled(id, "failed", 0);
    expect(received.waiting).toBe(0);
  });
});

describe("a try", () => {
  const message = { id: "msg_1", payload: {}, secrets: [generateSecret()] };
  const options = {
    allowPrivate: false,
    connectMs: 5_000,
    timeoutMs: 5_000,
    signal: new AbortController().signal,
  };

  it("never reaches a private address, whatever was stored or a name says now", async () => {
    const { port } = new URL(origin);
    for (const url of [`${origin}/x`, `https://127.0.0.1:${port}/x`]) {
      expect(await deliver({ ...message, url }, options)).toMatchObject({
        status: null,
        error: expect.stringMatching(/^url: /),
      });
    }
    const byName = await deliver({ ...message, url: `https://localhost.localdomain:${port}/` }, options);
    expect(byName.status).toBeNull();
    expect(received.waiting).toBe(0);
  });

  it("ends when the receiver says nothing", async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
    const attempt = await deliver({ ...message, url }, { ...options, allowPrivate: true, timeoutMs: 100 });
    expect(attempt).toMatchObject({ status: null, error: "no answer in 0.1 s" });
    silent.closeAllConnections();
    silent.close();
  });
});

describe("messages of several workspaces", () => {
  it("take turns: dead receivers of one hold up no other's first try", async () => {
    // Takes connections and never answers; with the times below, no try at it ends before the test does.
    const dead = createServer(() => {});
    await new Promise<void>((resolve) => dead.listen(0, "127.0.0.1", resolve));
    const to = `http://127.0.0.1:${(dead.address() as AddressInfo).port}/`;
    const other = await testApp({ WEBHOOK_ALLOW_PRIVATE: true });
    const turns = await createQueue({ databaseUrl: other.databaseUrl, log: other.services.log });
    try {
      for (let i = 0; i < 4; i++) {
        const made = await other.a.post("/v1/webhooks", { url: to });
        for (let n = 0; n < 19; n++)
          expect((await other.a.post(`/v1/webhooks/${idOf(made)}/test`, {})).status).toBe(202);
      }
      const times = { connectMs: 600_000, timeoutMs: 600_000 };
      await workWebhooks(other.services, turns, { allowPrivate: true, times });
      const active = async () => {
        const [row] = await other.sql`
          select count(*)::int as n from pgboss.job where name = 'webhook' and state = 'active'`;
        return Number(row?.["n"]);
      };
      await expect.poll(active, { timeout: 30_000 }).toBeGreaterThan(0);
      const neighbour = await other.b.post("/v1/webhooks", { url: `${origin}/neighbour` });
      await other.b.post(`/v1/webhooks/${idOf(neighbour)}/test`, {});
      expect((await received.next()).path).toBe("/neighbour");
      expect(await active()).toBeLessThanOrEqual(3);
      const [tried] = await other.sql`select sum(attempt_count)::int as n from webhook_deliveries
        where workspace_id = ${other.a.workspaceId}`;
      expect(tried?.["n"]).toBe(0);
    } finally {
      dead.closeAllConnections();
      await turns.stop({ graceMs: 0 });
      await other.close();
      dead.close();
    }
  }, 120_000);

  it("wait for names that nobody answers for without holding the process's files", async () => {
    await withDns(null, async () => {
      const ended = new AbortController();
      const tries = Array.from({ length: 16 }, (_, i) =>
        deliver(
          { id: `msg_${i}`, url: `https://dead-${i}.example.org/`, payload: {}, secrets: [generateSecret()] },
          { allowPrivate: false, connectMs: 600_000, timeoutMs: 600_000, signal: ended.signal },
        ),
      );
      const first = await Promise.race([
        readFile(import.meta.filename).then(() => "the file"),
        ...tries.map((one) => one.then(() => "a try")),
      ]);
      expect(first).toBe("the file");
      ended.abort();
      expect((await Promise.all(tries)).map(({ status }) => status)).toEqual(tries.map(() => null));
    });
  });

  it("give up a connection that is not there sooner than an answer that is slow", async () => {
    const attempt = await withDns(null, () =>
      deliver(
        { id: "msg_1", url: "https://dead.example.org/", payload: {}, secrets: [generateSecret()] },
        { allowPrivate: false, connectMs: 50, timeoutMs: 600_000, signal: new AbortController().signal },
      ),
    );
    expect(attempt).toMatchObject({ status: null, error: "no connection in 0.05 s" });
  });
});
