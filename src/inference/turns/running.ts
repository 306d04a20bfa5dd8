import { AppError } from "../../lib/errors.ts";

/** Calls under way: closing lets them end, and lets no new one in (AppError unavailable). */
export class Running {
  readonly #calls = new Set<Promise<unknown>>();
  #closed = false;

  async track<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new AppError("unavailable", "inference is shutting down");
    const running = call();
    this.#calls.add(running);
    try {
      return await running;
    } finally {
      this.#calls.delete(running);
    }
  }

  /** Work that an answer did not wait for. */
  hold(work: Promise<unknown>): void {
    this.#calls.add(work);
    void work.finally(() => this.#calls.delete(work));
  }

  async drain(): Promise<void> {
    this.#closed = true;
    while (this.#calls.size > 0) await Promise.allSettled(this.#calls);
  }
}
