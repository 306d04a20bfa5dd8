import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "../lib/log.ts";
import { isPostgres } from "./embedded-server.ts";

/** How often its process is looked for, and the pauses between attempts to start it again. */
const [lookMs, firstPauseMs, longestPauseMs] = [250, 100, 2000];

/** Watches over a Postgres that runs and brings it back where it ended although nobody stopped it. */
export class PostgresKeeper {
  readonly #start: (signal: AbortSignal) => Promise<number>;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #pid: number;
  #returning: Promise<void> | undefined;

  /** @param options.start Starts it again and resolves with its process id once it takes connections. */
  constructor(options: { pid: number; start: (signal: AbortSignal) => Promise<number>; log: Log }) {
    this.#pid = options.pid;
    this.#start = options.start;
    this.#log = options.log;
    this.#timer = setInterval(() => this.#look(), lookMs).unref();
  }

  /** The id of the process that runs now, or ran last. */
  get pid(): number {
    return this.#pid;
  }

  /** Watches no more; resolves once no start is under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await this.#returning;
  }

  #look(): void {
    if (this.#returning || isPostgres(this.#pid)) return;
    this.#returning = this.#bringBack().finally(() => (this.#returning = undefined));
  }

  /** Until it is back: what is in its way, as its own children that still end, may go. */
  async #bringBack(): Promise<void> {
    const { signal } = this.#stopping;
    this.#log.error({ postgres: this.#pid }, "Postgres has ended; it is started again");
    for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      try {
        this.#pid = await this.#start(signal);
        this.#log.info({ postgres: this.#pid }, "Postgres is back");
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#log.warn({ error }, "Postgres could not be started again");
        await pause(pauseMs, undefined, { signal }).catch(() => {});
      }
    }
  }
}
