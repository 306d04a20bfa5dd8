import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { drawPage } from "../../src/samples/pages.ts";
import { startEmbeddedPostgres } from "../../src/db/embedded.ts";
import { boxOf } from "../../src/imaging/geometry.ts";
import { encodeRle } from "../../src/imaging/rle.ts";
import type { Box } from "../../src/imaging/types.ts";
import { createLog } from "../../src/lib/log.ts";
import { Releases } from "../../src/lib/releases.ts";

export interface WorldOptions {
  readonly threads: number;
  readonly workers: number;
  readonly images: number;
  /** Options of the server's Node, such as --cpu-prof. */
  readonly nodeOptions: readonly string[];
  /** More of postgresql.conf. */
  readonly postgres?: Readonly<Record<string, string>>;
}

/** A page that is stored, with the boxes of its stamps. */
export interface Page {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  /** One stamp's mask, as an annotation has it. */
  readonly mask: object;
}

export interface World {
  readonly url: string;
  readonly key: string;
  readonly project: string;
  readonly databaseUrl: string;
  readonly pages: readonly Page[];
  /** [4096, 256] of the first page, as the decoder takes it. */
  embedding(): Promise<Float32Array>;
  /** The server's process. */
  readonly pid: number;
  /** Sends a POST; a Buffer goes as `type`. Throws an Error where the answer is none of 2xx. */
  readonly call: Call;
  close(): Promise<void>;
}

/** A Postgres as `npm start` has it, the API's own program as a process, and a project of the demo's pages. */
export async function openWorld(options: WorldOptions): Promise<World> {
  const releases = new Releases();
  try {
    const folder = await mkdtemp(join(tmpdir(), "maskwright-bench-api-"));
    releases.add("the folder", () => rm(folder, { recursive: true, force: true }));
    // Postgres doesn't run as root: under root another user has to get in.
    await chmod(folder, 0o755);
    await mkdir(join(folder, "data"), { mode: 0o755 });
    const log = createLog({ level: "warn", name: "bench" });
    const dataDir = join(folder, "data");
    const postgres = await startEmbeddedPostgres({ dataDir, log, settings: { ...options.postgres } });
    releases.add("Postgres", () => postgres.stop());
    const server = await startServer(options, { DATABASE_URL: postgres.url, DATA_DIR: join(folder, "data") });
    releases.add("the server", () => stop(server.child));
    const call = caller(server.url, server.key);
    const { id: project } = await call("/v1/projects", { name: "bench" });
    const pages: Page[] = [];
    for (let i = 0; i < options.images; i++) pages.push(await storePage(call, String(project), i));
    return {
      url: server.url,
      key: server.key,
      project: String(project),
      databaseUrl: postgres.url,
      pages,
      pid: server.child.pid as number,
      call,
      embedding: async () => {
        const path = `/v1/projects/${String(project)}/images/${pages[0]?.id}/embedding`;
        const answer = await fetch(server.url + path, { headers: { authorization: `Bearer ${server.key}` } });
        return tokensFirst(new Float32Array(await answer.arrayBuffer()));
      },
      close: () => releases.release(),
    };
  } catch (error) {
    await releases.release();
    throw error;
  }
}

export type Call = (path: string, body: object | Buffer, type?: string) => Promise<Record<string, unknown>>;

const caller =
  (url: string, key: string): Call =>
  async (path, body, type = "image/jpeg") => {
    const raw = Buffer.isBuffer(body);
    const headers = { authorization: `Bearer ${key}`, "content-type": raw ? type : "application/json" };
    const sent = raw ? Uint8Array.from(body) : JSON.stringify(body);
    const answer = await fetch(url + path, { method: "POST", headers, body: sent });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Record<string, unknown>;
  };

/** Stores a drawn page and has it embedded. */
async function storePage(call: Call, project: string, index: number): Promise<Page> {
  const { jpeg, width, height, stamps } = await drawPage(1, index);
  const { id } = await call(`/v1/projects/${project}/images`, jpeg);
  await call(`/v1/projects/${project}/prewarm`, { image: { id } });
  const [first] = stamps;
  if (!first) throw new Error("a page without stamps");
  const boxes = stamps.map(({ mask }) => [...boxOf(mask)] as unknown as Box);
  return { id: String(id), width, height, boxes, mask: encodeRle(first.mask) };
}

/** The program of `npm run server`. Its log is written out, as it would be. */
async function startServer(
  { threads, workers, nodeOptions }: WorldOptions,
  settings: Record<string, string>,
): Promise<{ child: ChildProcess; url: string; key: string }> {
  const file = join(import.meta.dirname, "../../src/main/server.ts");
  const logFile = join(settings["DATA_DIR"] ?? "", "server.log");
  const log = await open(logFile, "w");
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...nodeOptions, file], {
    env: {
      ...process.env,
      ...settings,
      PORT: "0",
      LOG_LEVEL: "info",
      RATE_LIMIT_PER_SECOND: "0",
      INFERENCE_THREADS: String(threads),
      DECODE_WORKERS: String(workers),
    },
    // Into a file, which takes it at once; a pipe's reader would be a part of what is measured.
    stdio: ["ignore", "pipe", log.fd],
  });
  // The child has its own.
  await log.close();
  const ended = once(child, "exit");
  const key = Promise.withResolvers<string>();
  createInterface({ input: child.stdout as Readable }).on("line", (line) => {
    const found = /mw_\S+/.exec(line)?.[0];
    if (found !== undefined) key.resolve(found);
  });
  for (;;) {
    const text = await readFile(logFile, "utf8");
    const up = text.split("\n").find((line) => line.includes('"the API is up"') && line.endsWith("}"));
    if (up !== undefined)
      return { child, url: (JSON.parse(up) as { url: string }).url, key: await key.promise };
    if ((await Promise.race([ended, pause(50)])) !== undefined) throw new Error(`the server ended:\n${text}`);
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await gone;
}

/** [256, 64, 64] to [4096, 256]. */
function tokensFirst(channels: Float32Array): Float32Array {
  const out = new Float32Array(channels.length);
  for (let channel = 0, at = 0; channel < 256; channel++) {
    for (let cell = 0; cell < 4096; cell++, at++) out[cell * 256 + channel] = channels[at] as number;
  }
  return out;
}
