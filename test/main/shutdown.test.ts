import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase } from "../../src/db/client.ts";
import { read, type TestApp, testApp } from "../helpers/app.ts";
import { asPng, discImage } from "../worlds/images.ts";
import { makeProject, rectangleRle, seedImage } from "../helpers/seeds.ts";

const connections = 2;
/** What the program says when it had to be ended. */
const stillOpen = "something is still open; ending all the same";
/** More than the pool has connections, so that some wait in its line. */
const clients = 6;

let app: TestApp;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "maskwright-shutdown-"));
  app = await testApp();
});
afterAll(async () => {
  await app?.close();
  await rm(folder, { recursive: true, force: true });
});

/** `npm run server`'s program; lets one wait for lines of its log and for its end. */
async function startServer(settings: Record<string, string>) {
  const file = join(import.meta.dirname, "../../src/main/server.ts");
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", file], {
    env: {
      ...process.env,
      DATABASE_URL: app.databaseUrl,
      DATABASE_POOL: String(connections),
      DATA_DIR: folder,
      PORT: "0",
      LOG_LEVEL: "info",
      ...settings,
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exit = once(child, "exit") as Promise<[number | null, string | null]>;
  const lines: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stderr }).on("line", (line) => {
    lines.push(JSON.parse(line) as Record<string, unknown>);
    for (const look of waiting) look();
  });
  const said = async (msg: string): Promise<Record<string, unknown>> => {
    const found = Promise.withResolvers<Record<string, unknown>>();
    const look = (): void => {
      const line = lines.find((one) => one["msg"] === msg);
      if (line) found.resolve(line);
    };
    waiting.add(look);
    look();
    return found.promise;
  };
  const { url } = await said("the API is up");
  return { child, exit, said, lines, url: String(url) };
}

/**
 * Requests that wait in the server for a row which the test holds: as many as have a connection wait for its lock, the
 * others for a connection. `letGo` gives the row free,
 * `hangUp` ends the clients' connections.
 */
async function stuckRequests(url: string) {
  const project = await makeProject(app.a);
  const image = await seedImage(app, project);
  // Not one of the app's connections: those don't suffice for three tests at a time.
  const holder = openDatabase(app.databaseUrl, { max: 1 });
  const held = Promise.withResolvers<void>();
  const letGo = Promise.withResolvers<void>();
  const holding = holder.sql.begin(async (tx) => {
    await tx`select 1 from images where id = ${image} for update`;
    held.resolve();
    await letGo.promise;
  });
  await held.promise;
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const body = JSON.stringify({ image_id: image, mask: rectangleRle([2, 2, 6, 6]) });
  const sent = Array.from({ length: clients }, () => {
    const headers = { authorization: `Bearer ${app.a.key}`, "content-type": "application/json" };
    const path = `${url}/v1/projects/${project}/annotations`;
    const asked = request(path, { method: "POST", agent, headers });
    const answered = new Promise<string>((resolve) => {
      asked.once("error", () => resolve("no answer"));
      asked.once("response", (answer) => {
        answer.resume();
        resolve(`${answer.statusCode} ${answer.headers.connection}`);
      });
    });
    asked.end(body);
    return { asked, answered };
  });
  // An `insert` of ours is never seen here: those who wait hold their connections.
  await expect
    .poll(async () => {
      const [row] = await app.sql`
        select count(*)::int as n from pg_locks join pg_stat_activity using (pid)
        where not granted and datname = current_database() and query like ${"%for key share%"}`;
      return Number(row?.["n"]);
    })
    .toBeGreaterThanOrEqual(connections);
  return {
    sent,
    letGo: async () => {
      letGo.resolve();
      await holding;
      await holder.close();
    },
    hangUp: () => agent.destroy(),
  };
}

describe("a server that is told to stop", () => {
  it("writes down to the end what it has just predicted", async () => {
    const project = await makeProject(app.a);
    const server = await startServer({});
    const drawn = await asPng(discImage(64, 48, { x: 20, y: 20, radius: 9 }).image);
    const response = await fetch(`${server.url}/v1/projects/${project}/predict`, {
      method: "POST",
      headers: { authorization: `Bearer ${app.a.key}`, "content-type": "application/json" },
      body: JSON.stringify({
        image: { base64: drawn.toString("base64") },
        prompts: [{ points: [[20, 20, 1]] }],
      }),
    });
    const { body } = await read(response);
    server.child.kill("SIGTERM");
    expect(await server.exit).toEqual([0, null]);
    const [row] = await app.sql`select * from predictions where id = ${String(body["id"])}`;
    expect(row).toMatchObject({ masks: 1, answer_bytes: expect.any(Number), embedding_from: "encoder" });
    expect((await app.a.get("/v1/usage")).body).toMatchObject({ predictions: { used: 1 } });
  }, 60_000);

  it("ends although clients went away with requests in flight", async () => {
    const server = await startServer({});
    const { sent, letGo, hangUp } = await stuckRequests(server.url);
    for (const { asked } of sent) asked.destroy();
    await Promise.all(sent.map(({ answered }) => answered));
    server.child.kill("SIGTERM");
    await server.said("stopping");
    await letGo();
    expect(await server.exit).toEqual([0, null]);
    expect(server.lines.map((line) => line["msg"])).not.toContain(stillOpen);
    hangUp();
  }, 60_000);

  it("answers those who are still there, and closes their connections", async () => {
    const server = await startServer({});
    const { sent, letGo, hangUp } = await stuckRequests(server.url);
    server.child.kill("SIGTERM");
    await server.said("stopping");
    await letGo();
    const answers = await Promise.all(sent.map(({ answered }) => answered));
    expect(answers).toEqual(sent.map(() => "201 close"));
    expect(await server.exit).toEqual([0, null]);
    expect(server.lines.map((line) => line["msg"])).not.toContain(stillOpen);
    hangUp();
  }, 60_000);

  it("waits no longer than its grace", async () => {
    const server = await startServer({ SHUTDOWN_SECONDS: "0" });
    const { sent, letGo, hangUp } = await stuckRequests(server.url);
    server.child.kill("SIGTERM");
    const answers = await Promise.all(sent.map(({ answered }) => answered));
    expect(answers).toEqual(sent.map(() => "no answer"));
    expect(await server.exit).toEqual([0, null]);
    await letGo();
    hangUp();
  }, 60_000);
});
