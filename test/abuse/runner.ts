import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { bounds, type Run, seenNow } from "./report.ts";
import { followImport, send } from "./send.ts";
import { copyData, makeFolder, removeFolder, type Service, startService } from "./service.ts";
import type { Answer, Outgoing, Row } from "./types.ts";
import { Watch } from "./watch.ts";
import { answers, askAsNeighbour, type Filled, fill, keepTraining, trainingState, worldOn } from "./world.ts";

/** A service whose memory has grown by more than this since its first rest is started afresh before the next row. */
const drift = 400e6;
/** Seconds that it is given for it. */
const lastLook = 15;

/** What runs the fine-tune, and imports beside it. A fine-tune's memory goes up and down by a gigabyte, whatever is asked meanwhile. */
const trainer = "local-trainer.ts";

/** Runs rows, each on a service that is none the worse for the rows before it. */
export class Runner {
  readonly #folder: string;
  /** Where the filled data folder lies. */
  readonly #kept: string;
  readonly #watch = new Watch();
  #filled: Filled | null = null;
  #service: Service | null = null;
  /** Whether the service is alone: no fine-tune runs. */
  #alone = false;
  /** Bytes at rest, with the fine-tune running and every cache that the neighbour uses filled. */
  #rest = 0;

  private constructor(folder: string, kept: string) {
    this.#folder = folder;
    this.#kept = kept;
  }

  /** `data`: a folder that keeps what is filled for the next time, and has it from the last. */
  static async open(data: string | undefined): Promise<Runner> {
    const folder = await makeFolder();
    return new Runner(folder, data === undefined ? folder : resolve(data));
  }

  async close(): Promise<void> {
    this.#watch.close();
    await this.#service?.stop();
    await removeFolder(this.#folder);
  }

  /** A data folder that goes with the others. */
  folderFor(name: string): string {
    return join(this.#folder, name);
  }

  /** Stops the service that rows run on: the next row starts another. */
  async drop(): Promise<void> {
    await this.#service?.stop();
    this.#service = null;
  }

  async #fill(): Promise<Filled> {
    if (this.#filled) return this.#filled;
    const file = join(this.#kept, "filled.json");
    const before = await readFile(file, "utf8").catch(() => null);
    if (before !== null) return (this.#filled = JSON.parse(before) as Filled);
    const service = await startService(join(this.#kept, "filled"));
    try {
      this.#filled = await fill(service);
    } finally {
      await service.stop();
    }
    await writeFile(file, JSON.stringify(this.#filled), { mode: 0o600 });
    return this.#filled;
  }

  async #ready(alone: boolean): Promise<{ service: Service; filled: Filled }> {
    const filled = await this.#fill();
    if (this.#service && alone === this.#alone && (await this.#isFit(this.#service, filled))) {
      if (!alone) await keepTraining(this.#service, filled.neighbour);
      return { service: this.#service, filled };
    }
    await this.drop();
    const dataDir = this.folderFor("rows");
    await copyData(join(this.#kept, "filled"), dataDir);
    const service = await startService(dataDir);
    this.#service = service;
    this.#alone = alone;
    this.#watch.watch(service.url, service.pid, alone ? null : trainer);
    if (!alone) await keepTraining(service, filled.neighbour);
    for (let i = 0; i < 2; i++) await askAsNeighbour(service, filled.neighbour);
    // The process that trains has loaded its encoder only when it has embedded what was imported just now.
    await pause(alone ? 20_000 : 1500);
    this.#rest = await this.#watch.rest();
    return { service, filled };
  }

  async #isFit(service: Service, { key }: Filled): Promise<boolean> {
    if (!service.alive() || !(await answers(service, key))) return false;
    // Threads that read a large body end when they have been idle for ten seconds, and their memory with them.
    for (let looks = 0; looks < lastLook; looks++) {
      await pause(1000);
      if ((await this.#watch.rest()) - this.#rest < drift) return true;
    }
    return false;
  }

  async run(row: Row, atOnce: number): Promise<Run> {
    const { service, filled } = await this.#ready(row.alone ?? false);
    const make = await row.make(worldOn(service, filled));
    const outgoing = Array.from({ length: atOnce }, (_, place) => make(place));
    await pause(300);
    this.#watch.begin();
    const sending = Promise.all(outgoing.map((one) => toItsEnd(service, filled.key, one)));
    const beside = askAsNeighbour(service, filled.neighbour);
    const got = await sending;
    const faults = await beside;
    await pause(300);
    const watched = await this.#watch.end();
    const lives = service.alive();
    const state = lives ? await trainingState(service, filled.neighbour) : "gone";
    if (!row.alone && !fineStates.has(state)) faults.push(`the neighbour's fine-tune: ${state}`);
    if (!lives) faults.push("the service is gone");
    if (watched.refused > 0) faults.push(`/healthz failed ${watched.refused} times`);
    if (watched.silentMs > bounds.silentMs)
      faults.push(
        `silent for ${Math.round(watched.silentMs)} ms (the watcher woke up to ${Math.round(watched.lateMs)} ms late)`,
      );
    const aboveRestBytes = watched.peakBytes - this.#rest;
    if (aboveRestBytes > bounds.aboveRestBytes)
      faults.push(`${MBof(aboveRestBytes)} above rest of ${MBof(this.#rest)}: ${partsText(watched.parts)}`);
    for (const answer of got) {
      const fault = faultOf(answer, atOnce === (row.times ?? 1) ? row.answers : undefined);
      if (fault !== null && !faults.includes(fault)) faults.push(fault);
    }
    return {
      kind: row.kind,
      name: row.name,
      atOnce,
      answers: got,
      silentMs: watched.silentMs,
      lateMs: watched.lateMs,
      aboveRestBytes,
      service: lives ? "lives" : "gone",
      faults,
      seen: seenNow(),
    };
  }
}

const MBof = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
const partsText = (parts: Readonly<Record<string, number>>): string =>
  Object.entries(parts)
    .map(([program, bytes]) => `${program} ${MBof(bytes)}`)
    .join(", ");

/** It goes on, or has come to its good end meanwhile. */
const fineStates = new Set(["preparing", "running", "evaluating", "succeeded"]);

async function toItsEnd(service: Service, key: string, outgoing: Outgoing): Promise<Answer> {
  const { json, ...answer } = await send(service.url, key, outgoing);
  if (outgoing.job !== "import" || answer.status !== 202) return answer;
  const project = /^\/v1\/projects\/([^/]+)/.exec(outgoing.path)?.[1] ?? "";
  const start = performance.now();
  const job = await followImport(service.url, key, project, String(json["id"]));
  return { ...answer, job, seconds: answer.seconds + (performance.now() - start) / 1000 };
}

function faultOf(answer: Answer, wanted: readonly number[] | undefined): string | null {
  const { status, code, retryAfter, job } = answer;
  if (status === null) return `no answer: ${code}`;
  if (status === 503 && !retryAfter) return "503 without Retry-After";
  if (status >= 500 && status !== 503) return `${status} ${code}`;
  if (wanted && !wanted.includes(status)) return `${status} ${code}, not ${wanted.join(" or ")}`;
  if (job?.startsWith("no end") || job === "lost" || job?.includes("internal_error"))
    return `the job: ${job}`;
  return null;
}
