import { AppError } from "../errors.ts";
import type { ChildLimits } from "./limits.ts";
import { keptMemoryBytes } from "./messages.ts";
import { ReadingProcess } from "./process.ts";

type Input<Read> = Read extends (input: infer Given, ...rest: never[]) => unknown ? Given : never;
type Value<Read> = Read extends (...given: never[]) => infer Result ? Awaited<Result> : never;
type Item<Read> = Value<Read> extends AsyncIterable<infer Each> ? Each : never;

export interface ChildPoolOptions {
  /** Its exports are the functions that read: of one input, plain data, to a promise or an async generator of plain data. */
  readonly module: URL;
  readonly limits: ChildLimits;
  /** Children at work at once; more wait for their turn. */
  readonly most: number;
  /** From the first ask on, one child waits for the next at all times. */
  readonly ready?: boolean;
}

/** Who asks, and until when. */
export interface Asking {
  /** Whose turn it is: those who wait are taken in turn, each in the order of its own asks. */
  readonly by?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A child that nobody needs ends after so many milliseconds. */
const idleMs = 30_000;

/**
 * Reads what others made in child processes, one file a process at a time. A file that takes too much memory or time, or
 * makes native code crash, ends its child, and this process learns of it as a ChildStopped.
 */
export class ChildPool<Module> {
  readonly #options: ChildPoolOptions;
  /** By who asks, in the order of their turns. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #working = 0;
  #idle: ReadingProcess | undefined;
  #idleSince: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ChildPoolOptions) {
    this.#options = options;
  }

  /** The value of an exported function. Throws what it throws, ChildStopped, or the signal's reason. */
  async run<Name extends keyof Module & string>(
    name: Name,
    input: Input<Module[Name]>,
    asking: Asking = {},
  ): Promise<Value<Module[Name]>> {
    return this.#with(asking, async (child) => {
      child.start(name, input);
      const { value } = await child.step(asking.signal);
      return value as Value<Module[Name]>;
    });
  }

  /** The items of an exported generator, a few ahead of the reader. Throws as `run` does. */
  async *stream<Name extends keyof Module & string>(
    name: Name,
    input: Input<Module[Name]>,
    asking: Asking = {},
  ): AsyncGenerator<Item<Module[Name]>, void, undefined> {
    const child = await this.#take(asking);
    let ended = false;
    try {
      child.start(name, input);
      for (;;) {
        const { done, value } = await child.step(asking.signal);
        ended = done;
        if (done) return;
        child.more();
        yield value as Item<Module[Name]>;
      }
    } finally {
      this.#give(child, ended);
    }
  }

  async #with<T>(asking: Asking, work: (child: ReadingProcess) => Promise<T>): Promise<T> {
    const child = await this.#take(asking);
    let ended = false;
    try {
      const value = await work(child);
      ended = true;
      return value;
    } catch (error) {
      // It has refused its file, and is as good as before.
      ended = error instanceof AppError;
      throw error;
    } finally {
      this.#give(child, ended);
    }
  }

  async #take(asking: Asking): Promise<ReadingProcess> {
    if (this.#working >= this.#options.most) await this.#turn(asking);
    else this.#working++;
    clearTimeout(this.#idleSince);
    const idle = this.#idle;
    this.#idle = undefined;
    return idle?.alive ? idle : new ReadingProcess(this.#options.module, this.#options.limits);
  }

  /** Whoever gives back a place hands it to the first of the key whose turn it is. */
  async #turn({ by = "", signal }: Asking): Promise<void> {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        const line = this.#waiting.get(by);
        const at = line?.indexOf(turn) ?? -1;
        if (at >= 0) line?.splice(at, 1);
        if (line?.length === 0) this.#waiting.delete(by);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener("abort", leave, { once: true });
      const line = this.#waiting.get(by) ?? [];
      line.push(turn);
      this.#waiting.set(by, line);
    });
  }

  #next(): (() => void) | undefined {
    const [first] = this.#waiting;
    if (!first) return undefined;
    const [key, line] = first;
    const turn = line.shift();
    // Its next ask comes after those of all others.
    this.#waiting.delete(key);
    if (line.length > 0) this.#waiting.set(key, line);
    return turn;
  }

  #give(child: ReadingProcess, ended: boolean): void {
    if (ended && child.alive && !this.#idle && !this.#closed && child.memoryBytes < keptMemoryBytes)
      this.#rest(child);
    else child.kill();
    const { ready, module, limits } = this.#options;
    if (ready && !this.#idle && !this.#closed) this.#rest(new ReadingProcess(module, limits));
    const next = this.#next();
    if (next) next();
    else this.#working--;
  }

  #rest(child: ReadingProcess): void {
    this.#idle = child;
    if (this.#options.ready) return;
    this.#idleSince = setTimeout(() => {
      this.#idle = undefined;
      child.kill();
    }, idleMs).unref();
  }

  /** Whether a child waits for the next ask. */
  get isReady(): boolean {
    return this.#idle?.alive ?? false;
  }

  /** Ends the child that waits; those at work end with their work. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#idleSince);
    this.#idle?.kill();
    this.#idle = undefined;
  }
}
