import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { sql } from "../../src/db/drizzle.ts";
import { type App, createApp } from "../../src/app.ts";
import { type Config, readConfig } from "../../src/config.ts";
import { generateKey, insertApiKey } from "../../src/db/queries/api-keys.ts";
import { insertWorkspace } from "../../src/db/queries/workspaces.ts";
import type { KeyScope } from "../../src/db/schema/index.ts";
import { newId } from "../../src/lib/ids.ts";
import { createServices } from "../../src/services.ts";
import { holdToContract } from "./contract.ts";
import { testDatabase } from "./database.ts";
import { keysBelow } from "./objects.ts";

/** An answer with its JSON read; `body` is empty where it is none. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

export interface Client {
  readonly workspaceId: string;
  readonly key: string;
  readonly keyId: string;
  /** A request with this client's key; `json` becomes the body. */
  send(
    method: string,
    path: string,
    options?: { json?: unknown; body?: RequestInit["body"]; headers?: Record<string, string> },
  ): Promise<Answer>;
  get(path: string): Promise<Answer>;
  post(path: string, json: unknown, headers?: Record<string, string>): Promise<Answer>;
}

/** The whole API on a database, a store and workers of its own. `a` and `b` are of two workspaces. */
export async function testApp(settings: Partial<Config> = {}) {
  const database = await testDatabase();
  const folder = await mkdtemp(join(tmpdir(), "maskwright-api-"));
  const config = { ...readConfig({ DATA_DIR: folder, LOG_LEVEL: "silent" }), ...settings };
  const services = await createServices(config, { databaseUrl: database.url });
  const { db, store } = services;
  const app = holdToContract(createApp(services));

  const client = async (name: string): Promise<Client> =>
    clientOf((await insertWorkspace(db, { id: newId("ws"), name })).id, ["admin"], name);

  /** A client with a new key of the workspace. */
  const clientOf = async (
    workspaceId: string,
    scopes: KeyScope[],
    name: string = scopes.join(),
  ): Promise<Client> => {
    const key = generateKey();
    const { id: keyId } = await insertApiKey(db, key, { workspaceId, name, scopes });
    const send: Client["send"] = async (method, path, { json, body, headers = {} } = {}) => {
      const type: Record<string, string> = json === undefined ? {} : { "content-type": "application/json" };
      const init: RequestInit = { method, headers: { authorization: `Bearer ${key}`, ...type, ...headers } };
      const content = json === undefined ? body : JSON.stringify(json);
      if (content !== undefined) init.body = content;
      return read(await app.request(path, init));
    };
    return {
      workspaceId,
      key,
      keyId,
      send,
      get: (path) => send("GET", path),
      post: (path, json, headers = {}) => send("POST", path, { json, headers }),
    };
  };

  return {
    app,
    services,
    databaseUrl: database.url,
    sql: database.sql,
    db,
    store,
    clientOf,
    a: await client("a"),
    b: await client("b"),
    /** How many rows each table holds that a request may write, and every key in the store: what was left behind. */
    async traces(): Promise<Record<string, unknown>> {
      await services.predictionLog.flush();
      const counts: Record<string, unknown> = {};
      for (const table of ["projects", "images", "annotations", "imports", "fine_tunes", "predictions"]) {
        const [row] = await db.execute(sql`select count(*)::int as n from ${sql.identifier(table)}`);
        counts[table] = row?.["n"];
      }
      return { ...counts, objects: await keysBelow(store, "projects/") };
    },
    async close(): Promise<void> {
      await services.close();
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export type TestApp = Awaited<ReturnType<typeof testApp>>;

/** What tests compare of an error: its status, code and field. */
export function errorOf({ status, body }: Answer): string {
  const { code, param } = (body["error"] ?? {}) as { code?: string; param?: string };
  return [status, code, param].filter((part) => part !== undefined).join(" ");
}

export const idOf = ({ body }: Answer): string => String(body["id"]);

/** Serves the app on a free port while `use` runs: for what only a real connection shows. */
export async function overHttp(app: App, use: (origin: string) => Promise<void>): Promise<void> {
  const server = createAdaptorServer({ fetch: app.fetch });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    if ("closeAllConnections" in server) server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

export async function read(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = text !== "" && response.headers.get("content-type")?.includes("application/json");
  const body = (isJson ? JSON.parse(text) : {}) as Answer["body"];
  return { status: response.status, headers: response.headers, body };
}
