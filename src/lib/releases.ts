/**
 * Whatever is acquired registers its release here; `release` runs them last in, first out, each once,
 * and goes on past one that fails.
 */
export class Releases {
  readonly #stack: { what: string; release: () => unknown }[] = [];

  add(what: string, release: () => unknown): void {
    this.#stack.push({ what, release });
  }

  /** Runs every release; rejects with an AggregateError of those that failed, after all have run. */
  async release(): Promise<void> {
    const failures: unknown[] = [];
    for (let entry = this.#stack.pop(); entry; entry = this.#stack.pop()) {
      try {
        await entry.release();
      } catch (error) {
        failures.push(new Error(`release of ${entry.what} failed`, { cause: error }));
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "some releases failed");
  }
}
