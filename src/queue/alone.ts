/** How long a suspect asks in vain before nothing else is started until it has run, milliseconds. */
const patienceMs = 600_000;
/** One that has asked no more for so long is elsewhere by now, milliseconds. */
const goneMs = 60_000;

/**
 * Lets a job whose process has died once run with no other beside it: should the process die again, it was this job, and
 * no neighbour is blamed or lost with it. Nobody waits for such a job to find its moment, until it has asked for ten
 * minutes; but short jobs that nobody waits for (embeddings ahead of their use) may be thousands, and let it go first.
 */
export class Alone {
  readonly #clock: () => number;
  #running = 0;
  #alone = false;
  readonly #asking = new Map<string, { first: number; last: number }>();

  /** @param clock milliseconds */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** To be called at the job's end; null where it has to ask again later. */
  enter(
    id: string,
    { suspect, canWait = false }: { suspect: boolean; canWait?: boolean },
  ): (() => void) | null {
    const now = this.#clock();
    const patience = canWait ? 0 : patienceMs;
    if (this.#alone || (suspect ? this.#running > 0 : this.#isReserved(now, patience))) {
      if (suspect) this.#asking.set(id, { first: this.#asking.get(id)?.first ?? now, last: now });
      return null;
    }
    this.#asking.delete(id);
    this.#alone = suspect;
    this.#running++;
    return () => {
      this.#alone = false;
      this.#running--;
    };
  }

  #isReserved(now: number, patience: number): boolean {
    for (const [id, { last }] of this.#asking) if (now - last > goneMs) this.#asking.delete(id);
    return [...this.#asking.values()].some(({ first }) => now - first >= patience);
  }
}
