import { Turns } from "./turns.ts";

/**
 * Lets `count` pieces of work run at a time; those that wait take turns by owner, each owner's in the order they came. One
 * that aborts while it waits never starts.
 */
export class Slots {
  #free: number;
  readonly #waiting = new Turns<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  async run<T>(work: () => Promise<T>, signal: AbortSignal, owner: string): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.add(owner, resolve));
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      const next = this.#waiting.next();
      if (next) next();
      else this.#free++;
    }
  }
}
