/**
 * One piece of work that several callers wait for. A caller that aborts leaves; when the last has left, the work's own
 * signal aborts.
 */
export class Flight<T> {
  readonly #controller = new AbortController();
  readonly #work: Promise<T>;
  readonly #onAbandoned: () => void;
  #waiting = 0;

  constructor(work: (signal: AbortSignal) => Promise<T>, onAbandoned: () => void) {
    this.#onAbandoned = onAbandoned;
    this.#work = work(this.#controller.signal);
    // When everybody has left, nobody hears of its failure.
    this.#work.catch(() => undefined);
  }

  /** Rejects with the signal's reason when the caller aborts first. */
  async join(signal: AbortSignal | undefined): Promise<T> {
    signal?.throwIfAborted();
    this.#waiting++;
    let leave: (() => void) | undefined;
    try {
      if (!signal) return await this.#work;
      const left = new Promise<never>((_resolve, reject) => {
        leave = () => reject(signal.reason as Error);
        signal.addEventListener("abort", leave, { once: true });
      });
      return await Promise.race([this.#work, left]);
    } finally {
      if (leave) signal?.removeEventListener("abort", leave);
      this.#waiting--;
      if (this.#waiting === 0 && signal?.aborted) {
        this.#onAbandoned();
        this.#controller.abort(signal.reason);
      }
    }
  }
}
