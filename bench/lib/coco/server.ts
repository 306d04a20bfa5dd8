import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, type ReadStream } from "node:fs";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { Rss } from "./rss.ts";

/** What an import took, end to end. */
export interface ImportMeasured {
  /** From the first byte sent to the end of the import. */
  readonly seconds: number;
  readonly status: string;
  readonly images: number;
  readonly objects: number;
  /** Resident bytes of all of the service's processes but Postgres; null where the system does not tell. */
  readonly rest_bytes: number | null;
  readonly peak_bytes: number | null;
  /** The longest that /healthz took to answer meanwhile. */
  readonly healthz_ms: number;
  /** Project that has them now. */
  readonly project: string;
}

/** How a fine-tune's seconds went by, as its progress tells; looked at five times a second. */
export interface FineTuneMeasured {
  readonly status: string;
  readonly seconds: number;
  /** Until the data are checked, split and frozen, and the first image is looked at. */
  readonly started: number | null;
  /** Until the first sample of a trial or a training. */
  readonly first_step: number | null;
  readonly phases: Readonly<Record<string, number>>;
  /** Its last words. */
  readonly said: string;
}

export interface LocalServer {
  readonly url: string;
  readonly key: string;
  /** What a route answers. Throws an Error with the answer where it is no 2xx. */
  ask(path: string, init?: AskInit): Promise<Record<string, unknown>>;
  import(zip: string, bytes: number): Promise<ImportMeasured>;
  /** @param onEvent gets what the fine-tune says, as it says it */
  fineTune(
    project: string,
    hyperparameters: Record<string, unknown>,
    onEvent: (message: string) => void,
  ): Promise<FineTuneMeasured>;
  stop(): Promise<void>;
}

interface AskInit {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | ReadStream;
  readonly duplex?: "half";
}

/** `npm start` as a process of its own: Postgres, API and trainer. Its data lie below `folder`. */
export async function startLocalServer(folder: string): Promise<LocalServer> {
  const dataDir = join(folder, "data");
  // Postgres doesn't run as root: under root another user has to get in.
  await chmod(folder, 0o755);
  await mkdir(dataDir, { mode: 0o755 });
  const file = join(import.meta.dirname, "../../../src/main/local.ts");
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", file], {
    env: { ...process.env, DATA_DIR: dataDir, PORT: "0", LOG_LEVEL: "warn" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const { url, key } = await told(child);
  const authorization = `Bearer ${key}`;
  const ask = async (
    path: string,
    { headers = {}, ...init }: AskInit = {},
  ): Promise<Record<string, unknown>> => {
    const answer = await fetch(url + path, { ...init, headers: { authorization, ...headers } });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Record<string, unknown>;
  };
  return {
    url,
    key,
    ask,
    import: async (zip, bytes) => {
      const project = await ask("/v1/projects", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ name: "bench" }),
      });
      const imports = `/v1/projects/${String(project["id"])}/imports`;
      const rss = new Rss(child.pid as number);
      const rest = rss.now();
      const health = watchHealth(url);
      const start = performance.now();
      let row = await ask(imports, {
        method: "POST",
        headers: { "content-type": "application/zip", "content-length": String(bytes) },
        body: createReadStream(zip),
        duplex: "half",
      });
      while (row["status"] === "queued" || row["status"] === "running") {
        await pause(200);
        row = await ask(`${imports}/${String(row["id"])}`);
      }
      const seconds = (performance.now() - start) / 1000;
      const healthz = await health.stop();
      return {
        seconds,
        status: row["error"]
          ? `${String(row["status"])}: ${JSON.stringify(row["error"])}`
          : String(row["status"]),
        images: Number(row["images_created"] ?? 0),
        objects: Number(row["annotations_created"] ?? 0),
        rest_bytes: rest,
        peak_bytes: rss.stop(),
        healthz_ms: healthz,
        project: String(project["id"]),
      };
    },
    fineTune: async (project, hyperparameters, onEvent) => {
      const path = `/v1/projects/${project}/fine-tunes`;
      const since = performance.now();
      const seconds = (): number => Math.round(performance.now() - since) / 1000;
      let row = await ask(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ hyperparameters }),
      });
      const one = `${path}/${String(row["id"])}`;
      const phases: Record<string, number> = {};
      let [started, firstStep]: (number | null)[] = [null, null];
      let said = "";
      const heard = new Set<string>();
      let cursor = "";
      const listen = async (): Promise<void> => {
        const page = await ask(`${one}/events?limit=100${cursor}`);
        for (const { id, message } of page["data"] as { id: string; message: string }[]) {
          if (heard.has(id)) continue;
          onEvent((said = message));
          heard.add(id);
        }
        const next = page["next_cursor"] as string | null;
        if (next !== null) cursor = `&cursor=${next}`;
      };
      for (let last = 0; row["finished_at"] === null; last = seconds()) {
        await pause(200);
        row = await ask(one);
        await listen();
        const progress = row["progress"] as { phase: string; done: number } | null;
        const phase = progress?.phase ?? "prepare";
        phases[phase] = (phases[phase] ?? 0) + seconds() - last;
        if (!progress) continue;
        started ??= seconds();
        if ((phase === "search" || phase === "train") && progress.done > 0) firstStep ??= seconds();
      }
      await listen();
      return {
        status: String(row["status"]),
        seconds: seconds(),
        started: started ?? null,
        first_step: firstStep ?? null,
        phases,
        said,
      };
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      await gone;
    },
  };
}

/** The address and key that the server shows when it is up. */
async function told(child: ChildProcess): Promise<{ url: string; key: string }> {
  let url: string | undefined;
  for await (const line of createInterface({ input: child.stdout as Readable })) {
    url ??= /URL\s+(http:\S+)/.exec(line)?.[1];
    const key = /Key\s+(mw_\S+)/.exec(line)?.[1];
    if (url !== undefined && key !== undefined) return { url, key };
  }
  throw new Error("the server ended before it was up");
}

/** Asks /healthz ten times a second. */
function watchHealth(url: string) {
  const state = { longest: 0, going: true };
  const asking = (async () => {
    while (state.going) {
      const start = performance.now();
      const answer = await fetch(`${url}/healthz`);
      await answer.arrayBuffer();
      state.longest = Math.max(state.longest, performance.now() - start);
      await pause(100);
    }
  })();
  return {
    stop: async () => {
      state.going = false;
      await asking;
      return state.longest;
    },
  };
}
