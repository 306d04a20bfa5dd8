import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { getPriority, setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { below, type Process, processOf, signal, untilGone } from "./processes.ts";

export type Victim = "API" | "trainer" | "Postgres";

const main = (name: string): string => join(import.meta.dirname, `../../src/main/${name}.ts`);
const flags = ["--disable-warning=ExperimentalWarning"];

/** Longer than this nothing is waited for. */
export const patienceMs = 600_000;

/** `npm start` on a data folder of its own, to be broken and started again. */
export class Service {
  static readonly #open = new Set<Service>();

  /** Ends those, too, that have only begun to start. */
  static async closeAll(): Promise<void> {
    await Promise.all([...Service.#open].map((service) => service.close()));
  }

  readonly dataDir: string;
  readonly #settings: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  #url = "";
  readonly #others: ChildProcess[] = [];
  readonly #evenly: NodeJS.Timeout;

  private constructor(dataDir: string, settings: Readonly<Record<string, string>>) {
    this.dataDir = dataDir;
    this.#settings = settings;
    this.#evenly = setInterval(() => void this.#workEvenly().catch(() => {}), 500);
  }

  /** A trainer's threads give way to all other programs, so that beside some it comes to no end; root can let them compute. */
  async #workEvenly(): Promise<void> {
    const trainer = await this.#look("trainer");
    if (!trainer) return;
    for (const thread of await readdir(`/proc/${trainer.id}/task`))
      if (getPriority(Number(thread)) > getPriority()) setPriority(Number(thread), getPriority());
  }

  /** @param folder where its data lie; a new one if left out, which the postgres user may enter */
  static async start(settings: Readonly<Record<string, string>> = {}, folder?: string): Promise<Service> {
    const at = folder ?? (await mkdtemp(join(tmpdir(), "maskwright-chaos-")));
    await mkdir(at, { recursive: true });
    await chmod(at, 0o755);
    const service = new Service(join(at, "data"), settings);
    Service.#open.add(service);
    await mkdir(join(service.dataDir, "tmp"), { recursive: true, mode: 0o755 });
    await service.start();
    return service;
  }

  /** The URL of the process that runs now; asks before it is up find nobody. */
  get url(): string {
    return this.#url;
  }

  get #env(): NodeJS.ProcessEnv {
    // Each fault finds a job with something to lose, and what processes leave behind lies in one place.
    const own = { CHECKPOINT_SECONDS: "0", TMPDIR: join(this.dataDir, "tmp") };
    return { ...process.env, ...own, ...this.#settings, DATA_DIR: this.dataDir };
  }

  /** Resolves when the API is up. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [...flags, main("local")], {
      env: { ...this.#env, PORT: "0" },
      stdio: ["ignore", "pipe", "ignore"],
    });
    this.#child = child;
    const up = Promise.withResolvers<string>();
    createInterface({ input: child.stdout }).on("line", (line) => {
      const url = /URL\s+(http\S+)/.exec(line)?.[1];
      if (url !== undefined) up.resolve(url);
    });
    child.once("exit", () =>
      up.reject(new Error(`it ended before it was up: see ${join(this.dataDir, "maskwright.log")}`)),
    );
    this.#url = await up.promise;
  }

  /** One more trainer, as `npm run trainer` on another machine that shares database and objects. */
  async startTrainer(): Promise<Process> {
    const child = spawn(process.execPath, [...flags, main("trainer")], {
      env: { ...this.#env, DATABASE_URL: await this.databaseUrl(), LOG_LEVEL: "info" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#others.push(child);
    const ready = Promise.withResolvers<void>();
    createInterface({ input: child.stderr }).on("line", (line) => {
      if (line.includes("waits for fine-tunes")) ready.resolve();
    });
    child.once("exit", () => ready.reject(new Error("the other trainer ended before it was ready")));
    await ready.promise;
    // Nobody waits for it any more.
    ready.promise.catch(() => {});
    return this.#seen(child.pid, "the other trainer");
  }

  async databaseUrl(): Promise<string> {
    const kept = await readFile(join(this.dataDir, "postgres.json"), "utf8");
    const { port, password } = JSON.parse(kept) as { port: number; password: string };
    return `postgres://postgres:${password}@127.0.0.1:${port}/maskwright`;
  }

  async key(): Promise<string> {
    return (await readFile(join(this.dataDir, "api-key"), "utf8")).trim();
  }

  /** Waits for one to break where none runs just now, as between two starts. Throws an Error where none comes. */
  async find(victim: Victim): Promise<Process> {
    const end = performance.now() + 60_000;
    while (performance.now() < end) {
      const found = await this.#look(victim);
      if (found) return found;
      await pause(50);
    }
    throw new Error(`no ${victim} within a minute`);
  }

  async #look(victim: Victim): Promise<Process | null> {
    const root = this.#child?.pid ?? 0;
    if (victim === "API") return processOf(root);
    if (victim === "trainer")
      return (await below(root)).find(({ command }) => command.includes("local-trainer.ts")) ?? null;
    const file = join(this.dataDir, "postgres", "postmaster.pid");
    const [id] = (await readFile(file, "utf8").catch(() => "")).split("\n");
    const one = id === undefined || id === "" ? null : await processOf(Number(id));
    return one?.command.includes("postgres") ? one : null;
  }

  /** SIGKILL; the API is started again, as whoever runs it does, and the others come back by themselves. */
  async kill(victim: Victim): Promise<string[]> {
    const one = await this.find(victim);
    const trainer = victim === "API" ? await this.#look("trainer") : null;
    await signal(one, "SIGKILL");
    await untilGone(one, 10);
    if (victim !== "API") return [];
    const [, gone] = await Promise.all([this.start(), trainer ? untilGone(trainer, 15) : 0]);
    return gone === null ? ["a trainer without a parent lives on after 15 s"] : [];
  }

  /**
   * SIGTERM to the process that `npm start` is. What lives on after it, and how long it took.
   * @param sleeping a process that can end only as it goes on, for which it is not waited
   */
  async terminate(sleeping?: Process): Promise<{ seconds: number; left: string[] }> {
    const root = await this.find("API");
    const postgres = await this.#look("Postgres");
    const tree = [root, ...(await below(root.id)), ...(postgres ? [postgres] : [])];
    const all = tree.filter(({ id, parent }) => sleeping?.id !== id && sleeping?.id !== parent);
    const start = performance.now();
    await signal(root, "SIGTERM");
    const ends = await Promise.all(all.map((one) => untilGone(one, 30)));
    const left = all.filter((_one, i) => ends[i] === null).map(({ command }) => command.slice(0, 80));
    return { seconds: (performance.now() - start) / 1000, left };
  }

  /** Folders of processes, dead ones among them. */
  async temporaries(): Promise<string[]> {
    const names = await readdir(join(this.dataDir, "tmp"));
    return names.filter((name) => name.startsWith("maskwright-"));
  }

  /** Ends all, however it is, and removes its folder. */
  async close(): Promise<void> {
    clearInterval(this.#evenly);
    const postgres = await this.#look("Postgres");
    const root = this.#child?.pid ?? 0;
    const all = [...(await below(root)), ...(postgres ? [postgres] : [])];
    for (const child of [this.#child, ...this.#others]) {
      if (!child || child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    }
    for (const one of all) {
      await signal(one, "SIGKILL");
      await untilGone(one, 10);
    }
    await rm(join(this.dataDir, ".."), { recursive: true, force: true });
    Service.#open.delete(this);
  }

  async #seen(pid: number | undefined, name: string): Promise<Process> {
    const one = await processOf(pid ?? 0);
    if (!one) throw new Error(`${name} has ended`);
    return one;
  }
}
