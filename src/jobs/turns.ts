/** Lets background work wait while a fine-tune has the machine. */
export class Turns {
  #busy = 0;
  #waiting: (() => void)[] = [];

  /** Runs `work`; whoever waits for idleness waits for its end. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#busy++;
    try {
      return await work();
    } finally {
      if (--this.#busy === 0) for (const wake of this.#waiting.splice(0)) wake();
    }
  }

  /** Resolves at once when nothing runs, else when the last has ended or the signal aborts. */
  async untilIdle(signal: AbortSignal): Promise<void> {
    while (this.#busy > 0 && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
      await promise;
    }
  }
}
