import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../../src/config.ts";
import { type Database, openDatabase } from "../../src/db/client.ts";
import { LocalStore } from "../../src/storage/local.ts";
import { createLog } from "../../src/lib/log.ts";
import { startLocal } from "../../src/main/local.ts";
import type { Local } from "../../src/main/shared/local-server.ts";

/** Everything that `npm start` runs, on a port that stays its own, so that it can go down and come back. */
export class Server {
  readonly url: string;
  readonly #folder: string;
  readonly #port: number;
  #local: Local | undefined;
  readonly #settings: Readonly<Record<string, string>>;
  key = "";

  constructor(folder: string, port: number, settings: Readonly<Record<string, string>> = {}) {
    this.#settings = settings;
    this.#folder = folder;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(settings: Readonly<Record<string, string>> = {}): Promise<Server> {
    const folder = await mkdtemp(join(tmpdir(), "maskwright-e2e-"));
    // Postgres doesn't run as root: under root another user has to get in.
    await chmod(folder, 0o755);
    const server = new Server(folder, await freePort(), settings);
    await server.up();
    return server;
  }

  async up(): Promise<void> {
    const own = { DATA_DIR: this.#folder, PORT: String(this.#port), LOG_LEVEL: "error" };
    const config = readConfig({ ...this.#settings, ...own });
    this.#local = await startLocal(config, createLog({ level: "error", name: "e2e" }));
    this.key = this.#local.key ?? "";
  }

  async down(): Promise<void> {
    await this.#local?.stop();
    this.#local = undefined;
  }

  /** What the API itself says, past the console. */
  get<T>(path: string): Promise<T> {
    return this.#ask(path, {});
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.#ask(path, { method: "POST", body: JSON.stringify(body) });
  }

  /** Uploads a JPEG. */
  async image(path: string, body: Buffer): Promise<{ id: string; width: number; height: number }> {
    const headers = { "content-type": "image/jpeg" };
    const answer = await this.#fetch(path, { method: "POST", body: Uint8Array.from(body), headers });
    return (await answer.json()) as { id: string; width: number; height: number };
  }

  async remove(path: string): Promise<void> {
    await this.#fetch(path, { method: "DELETE" });
  }

  /** The bytes of an answer that is no JSON. */
  async raw(path: string): Promise<ArrayBuffer> {
    return (await this.#fetch(path, {})).arrayBuffer();
  }

  async #ask<T>(path: string, init: RequestInit): Promise<T> {
    return (await (await this.#fetch(path, init)).json()) as T;
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    const headers = {
      authorization: `Bearer ${this.key}`,
      "content-type": "application/json",
      ...(init.headers as Record<string, string> | undefined),
    };
    const answer = await fetch(this.url + path, { ...init, headers });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }

  /** Rows as jobs leave them, in the database of `npm start`. */
  async withDatabase(work: (db: Database) => Promise<void>): Promise<void> {
    const access = JSON.parse(await readFile(join(this.#folder, "postgres.json"), "utf8")) as {
      port: number;
      password: string;
    };
    const url = `postgres://postgres:${access.password}@127.0.0.1:${access.port}/maskwright`;
    const database = openDatabase(url, { max: 1 });
    try {
      await work(database.db);
    } finally {
      await database.close();
    }
  }

  /** Where its objects lie. */
  get store(): LocalStore {
    return new LocalStore(this.#folder);
  }

  async close(): Promise<void> {
    await this.down();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
