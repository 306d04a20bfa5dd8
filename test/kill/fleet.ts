import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

export type Program = "server" | "trainer";

/** One program in a process of its own. */
export interface Member {
  readonly program: Program;
  readonly pid: number;
  /** URL of the API's server. */
  readonly url: string;
  readonly child: ChildProcess;
}

/** Processes that share a database and a bucket and know nothing of each other; whoever dies is replaced by `start`. */
export class Fleet {
  readonly #env: Record<string, string>;
  readonly members: Member[] = [];
  /** Also those that are not ready yet. */
  readonly #running = new Set<ChildProcess>();
  /** Log lines of warnings and worse, of all. */
  readonly #warnings: string[] = [];

  constructor(env: Record<string, string>) {
    this.#env = env;
  }

  /** Resolves when the program says that it is ready. */
  async start(program: Program): Promise<Member> {
    const file = join(import.meta.dirname, `../../src/main/${program}.ts`);
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", file], {
      env: { ...process.env, ...this.#env, PORT: "0", LOG_LEVEL: "info" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#running.add(child);
    child.once("exit", () => this.#running.delete(child));
    const ready = Promise.withResolvers<string>();
    const last: string[] = [];
    createInterface({ input: child.stderr }).on("line", (line) => {
      last.push(line);
      if (last.length > 20) last.shift();
      if (/"level":[456]0/.test(line)) this.#warnings.push(`${program} ${child.pid}: ${line.slice(0, 600)}`);
      if (program === "trainer" && line.includes("waits for fine-tunes")) ready.resolve("");
      if (line.includes('"the API is up"')) ready.resolve((JSON.parse(line) as { url: string }).url);
    });
    child.once("exit", () =>
      ready.reject(new Error(`${program} ended before it was ready:\n${last.join("\n")}`)),
    );
    // Nobody waits for it any more when a member that was ready is killed.
    ready.promise.catch(() => {});
    const member = { program, pid: child.pid ?? 0, url: await ready.promise, child };
    this.members.push(member);
    return member;
  }

  lastWords(): string[] {
    return this.#warnings.slice(-12);
  }

  of(program: Program): Member[] {
    return this.members.filter((member) => member.program === program);
  }

  /** Ends a member, SIGKILL unless said otherwise, and resolves when it is gone. */
  async end(member: Member, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    this.members.splice(this.members.indexOf(member), 1);
    const gone = once(member.child, "exit");
    member.child.kill(signal);
    await gone;
  }

  async close(): Promise<void> {
    const gone = [...this.#running].map((child) => once(child, "exit"));
    for (const child of this.#running) child.kill("SIGKILL");
    await Promise.all(gone);
  }
}
