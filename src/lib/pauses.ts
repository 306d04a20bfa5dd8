import { setImmediate as nextTurn } from "node:timers/promises";

/** Lets a process do its other work between steps, where the last time was so many milliseconds ago: a turn takes longer than a small step. */
export class Pauses {
  readonly #everyMs: number;
  #last = performance.now();

  constructor(everyMs = 5) {
    this.#everyMs = everyMs;
  }

  /** Undefined where no turn is due, for callers that would rather not wait for nothing. */
  due(): Promise<void> | undefined {
    return performance.now() - this.#last < this.#everyMs ? undefined : this.#take();
  }

  async #take(): Promise<void> {
    await nextTurn();
    this.#last = performance.now();
  }
}
