import { type ChildProcess, fork } from "node:child_process";
import { deserialize } from "node:v8";
import { AppError, type ErrorCode } from "../errors.ts";
import { givesBack } from "../malloc.ts";
import { type ChildLimits, ChildStopped, type StopReason, stopMessage } from "./limits.ts";
import { memoryMark, type Reply, type Request, type ThrownInChild } from "./messages.ts";

const entry = new URL("./entry.ts", import.meta.url);

/** Whom this installation trusts beside the public authorities, for a child that follows a link. */
const trusted = (): NodeJS.ProcessEnv => {
  const { NODE_EXTRA_CA_CERTS: file } = process.env;
  return file === undefined ? {} : { NODE_EXTRA_CA_CERTS: file };
};

/** What came of a child's work. */
type Step = { readonly done: boolean; readonly value: unknown };

/** One child process at work, one task at a time. It holds its parent's process open only while it works. */
export class ReadingProcess {
  readonly #child: ChildProcess;
  readonly #limits: ChildLimits;
  #replies: Reply[] = [];
  #arrived: (() => void) | undefined;
  #told = "";
  #file: string | null = null;
  #ended: { code: number | null; signal: string | null } | undefined;
  /** Resident when its last task ended. */
  memoryBytes = 0;

  constructor(module: URL, limits: ChildLimits) {
    this.#limits = limits;
    const { heapMiB, memoryMiB, valueMiB } = limits;
    this.#child = fork(entry, [module.href, String(memoryMiB), String(valueMiB)], {
      execArgv: [`--max-old-space-size=${heapMiB}`, "--disable-warning=ExperimentalWarning"],
      // Nothing of ours that it needs, and much that it has no business with, such as passwords.
      env: { ...givesBack, MALLOC_ARENA_MAX: "2", ORT_DISABLE_TELEMETRY: "1", ...trusted() },
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#told = (this.#told + text).slice(-8192);
    });
    this.#child.on("message", (reply: Reply) => {
      if (reply.type === "reading") this.#file = reply.file;
      else this.#replies.push(reply);
      this.#arrived?.();
    });
    // Not `exit`: what the child wrote last has been read by `close`.
    this.#child.on("close", (code, signal) => this.#end(code, signal));
    this.#child.on("error", () => this.#end(null, null));
    this.#hold(false);
  }

  get alive(): boolean {
    return this.#ended === undefined && !this.#child.killed;
  }

  start(name: string, input: unknown): void {
    this.#hold(true);
    this.#file = null;
    this.#send({ type: "run", name, input });
  }

  more(): void {
    this.#send({ type: "more" });
  }

  /**
   * The next item, or the end with its value. Throws what the child threw (AppError as such), ChildStopped, or the
   * signal's reason; after that the child is gone, but for what it threw itself.
   */
  async step(signal: AbortSignal | undefined): Promise<Step> {
    let late = false;
    const stopped = (): void => this.#arrived?.();
    const timer = setTimeout(() => {
      late = true;
      stopped();
    }, this.#limits.silenceMs);
    signal?.addEventListener("abort", stopped);
    try {
      for (;;) {
        if (signal?.aborted) {
          this.kill();
          throw signal.reason;
        }
        const reply = this.#replies.shift();
        if (reply) return this.#take(reply);
        if (this.#ended) throw this.#death();
        if (late) throw this.#stop("time");
        await new Promise<void>((resolve) => {
          this.#arrived = resolve;
        });
      }
    } finally {
      this.#arrived = undefined;
      clearTimeout(timer);
      signal?.removeEventListener("abort", stopped);
    }
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #take(reply: Reply): Step {
    if (reply.type === "item") return { done: false, value: deserialize(reply.value) };
    if (reply.type === "too_large") throw this.#stop("size");
    this.#hold(false);
    if ("memoryBytes" in reply) this.memoryBytes = reply.memoryBytes;
    if (reply.type === "end") {
      return { done: true, value: deserialize(reply.value) };
    }
    if (reply.type === "thrown") throw this.#thrown(reply.error);
    throw new Error(`a child answered ${reply.type}`);
  }

  #thrown({ name, message, stack, code, param }: ThrownInChild): Error {
    const cause = Object.assign(new Error(message), { name, stack });
    if (code !== undefined)
      return new AppError(code as ErrorCode, message, { ...(param !== undefined && { param }), cause });
    // An array, text or stack longer than the engine can make: what was read asked for it.
    if (name === "RangeError") return this.#stop("memory");
    return cause;
  }

  #stop(reason: Exclude<StopReason, "died">): ChildStopped {
    this.kill();
    return new ChildStopped(reason, stopMessage[reason](this.#limits), this.#file);
  }

  #death(): ChildStopped {
    if (this.#told.includes(memoryMark) || /heap out of memory|allocation failed/i.test(this.#told))
      return this.#stop("memory");
    const how = this.#ended?.signal ?? `exit code ${this.#ended?.code}`;
    return new ChildStopped("died", `the process that read it ended by itself (${how})`, this.#file);
  }

  #end(code: number | null, signal: string | null): void {
    this.#ended ??= { code, signal };
    this.#arrived?.();
  }

  #send(request: Request): void {
    // One that is gone says so by `close`.
    if (this.#child.connected) this.#child.send(request, () => {});
  }

  #hold(held: boolean): void {
    const streams = [this.#child, this.#child.channel, this.#child.stderr] as {
      ref?(): void;
      unref?(): void;
    }[];
    for (const stream of streams) {
      if (held) stream?.ref?.();
      else stream?.unref?.();
    }
  }
}
