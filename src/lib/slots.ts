import { AppError } from "./errors.ts";
import { Turns } from "./turns.ts";

/** Pieces of work of one owner that may wait to be told to come later. */
const mostPatient = 256;

export interface Wait {
  /** Whose turn it is. */
  readonly owner: string;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until it gives up waiting, at once where 256 of its owner's wait already; left out, it never does. */
  readonly waitMs?: number;
}

/**
 * Lets `count` pieces of work run at a time; those that wait take turns by owner, each owner's in the order they came. One
 * that aborts while it waits leaves at once, and never starts.
 */
export class Slots {
  #free: number;
  readonly #waiting = new Turns<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Throws the signal's reason, AppError overloaded where no turn came within `waitMs`, and what `work` throws. */
  async run<T>(work: () => Promise<T>, wait: Wait): Promise<T> {
    wait.signal?.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#turn(wait);
    try {
      wait.signal?.throwIfAborted();
      return await work();
    } finally {
      const next = this.#waiting.next();
      if (next) next();
      else this.#free++;
    }
  }

  async #turn({ owner, signal, waitMs }: Wait): Promise<void> {
    if (waitMs !== undefined && this.#waiting.count(owner) >= mostPatient)
      throw new AppError("overloaded", "Too many of yours wait already; try again later.", { retryAfter: 1 });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = (reason: unknown): void => {
      this.#waiting.take((one) => one === resolve);
      reject(reason);
    };
    const gone = (): void => leave(signal?.reason);
    const timer = waitMs === undefined ? undefined : setTimeout(() => leave(overloaded(waitMs)), waitMs);
    signal?.addEventListener("abort", gone, { once: true });
    this.#waiting.add(owner, resolve);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", gone);
    }
  }
}

const overloaded = (waitMs: number): AppError =>
  new AppError("overloaded", `Others were before it for ${waitMs} ms; try again later.`, {
    retryAfter: Math.max(1, Math.ceil(waitMs / 2000)),
  });
