import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it, onTestFinished } from "vitest";
import { generateKey, insertApiKey } from "../../src/db/queries/api-keys.ts";
import { insertWebhook } from "../../src/db/queries/webhooks.ts";
import { insertWorkspace } from "../../src/db/queries/workspaces.ts";
import { messageOf } from "../../src/lib/errors.ts";
import { newId } from "../../src/lib/ids.ts";
import { createLog } from "../../src/lib/log.ts";
import { testDatabase } from "../helpers/database.ts";
import { asPng, noiseImage } from "../worlds/images.ts";

it("the log of a server names requests, and holds no image, no mask, no key and no password", async () => {
  const database = await testDatabase();
  onTestFinished(() => database.close());
  const folder = await mkdtemp(join(tmpdir(), "maskwright-logs-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const workspace = await insertWorkspace(database.db, { id: newId("ws"), name: "logs" });
  const key = generateKey();
  await insertApiKey(database.db, key, { workspaceId: workspace.id, name: "logs" });
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "src/main/server.ts"], {
    env: { ...process.env, DATABASE_URL: database.url, DATA_DIR: folder, PORT: "0", LOG_LEVEL: "trace" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines: string[] = [];
  const up = Promise.withResolvers<string>();
  createInterface({ input: child.stderr }).on("line", (line) => {
    lines.push(line);
    if (line.includes('"the API is up"')) up.resolve((JSON.parse(line) as { url: string }).url);
  });
  const url = await up.promise;
  const send = (
    method: string,
    path: string,
    body?: RequestInit["body"],
    headers: Record<string, string> = {},
  ) =>
    fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...headers },
      ...(body !== undefined && { body }),
    });
  const json = { "content-type": "application/json" };

  const made = await send("POST", "/v1/projects", JSON.stringify({ name: "a secret name" }), json);
  const requestId = made.headers.get("x-request-id");
  const { id } = (await made.json()) as { id: string };
  const bytes = await asPng(noiseImage(64, 48, 3));
  const base64 = bytes.toString("base64");
  await send("POST", `/v1/projects/${id}/images?access=${key}`, new Uint8Array(bytes), {
    "content-type": "image/png",
  });
  const prompts = [{ points: [[10, 10, 1]] }];
  await send("POST", `/v1/projects/${id}/predict`, JSON.stringify({ image: { base64 }, prompts }), json);
  // What fails is told too, and the errors quote what they refuse.
  await send(
    "POST",
    `/v1/projects/${id}/predict`,
    JSON.stringify({ image: { base64: `!${base64}` }, prompts }),
    json,
  );
  await send("POST", `/v1/projects/${id}/images`, new Uint8Array(Buffer.from("no image")), {
    "content-type": "image/png",
  });
  await fetch(`${url}/v1/projects`, {
    headers: { authorization: "Bearer mw_wrong-but-a-secret-all-the-same" },
  });
  child.kill("SIGTERM");
  await once(child, "exit");

  const log = lines.join("\n");
  const requests = lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ msg }) => msg === "request");
  expect(requests).toHaveLength(6);
  expect(requests[0]).toMatchObject({
    request_id: requestId,
    method: "POST",
    status: 201,
    workspace: workspace.id,
  });
  const password = new URL(database.url).password;
  for (const secret of [
    key,
    base64.slice(0, 40),
    "a secret name",
    "wrong-but-a-secret",
    ...(password ? [password] : []),
  ])
    expect(log).not.toContain(secret);
}, 120_000);

it("a query that fails is told with its text, code and constraint, and with no value that it was asked with", async () => {
  const database = await testDatabase();
  onTestFinished(() => database.close());
  const folder = await mkdtemp(join(tmpdir(), "maskwright-logs-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const log = createLog({ level: "info", name: "queries", file: join(folder, "log") });
  const { id: workspaceId } = await insertWorkspace(database.db, { id: newId("ws"), name: "queries" });
  await database.sql`alter table webhooks add constraint never check (url = 'never')`;
  const secret = "whsec_c2VjcmV0LXNlY3JldA";
  const row = {
    id: newId("wh"),
    workspaceId,
    projectId: null,
    url: "https://private.test",
    events: [],
    secret,
  };
  const thrown: unknown[] = [];
  const fails = (query: Promise<unknown>) => query.catch((error: unknown) => thrown.push(error));
  await fails(insertWebhook(database.db, { ...row, enabled: true }));
  await fails(database.sql`select ${secret}::text::integer`);
  await fails(insertWorkspace(database.db, { id: workspaceId, name: secret }));
  expect(thrown).toHaveLength(3);
  for (const error of thrown) {
    log.error({ err: error }, "with its place");
    log.warn({ error }, "in a line");
    log.warn({ error: messageOf(error) }, "as a text");
  }

  const text = await readFile(join(folder, "log"), "utf8");
  const [first, line] = text.split("\n").map((one) => JSON.parse(one || "{}") as Record<string, unknown>);
  expect(first?.["err"]).toMatchObject({
    code: "23514",
    constraint_name: "never",
    table_name: "webhooks",
    query: expect.stringContaining('insert into "webhooks"') as string,
    stack: expect.stringContaining("logs.test.ts") as string,
  });
  expect(line?.["error"]).toContain("violates check constraint");
  expect(text).toContain("invalid input syntax for type integer");
  expect(text).toContain("workspaces_pkey");
  for (const value of [secret, "private.test", workspaceId]) expect(text).not.toContain(value);
});
