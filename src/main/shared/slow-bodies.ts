import type { IncomingMessage } from "node:http";

/** How slowly a body may come. */
export interface Pace {
  /** Milliseconds of waiting before its rate counts. */
  readonly graceMs: number;
  /** Bytes a second at least, counted from its beginning. */
  readonly bytesPerSecond: number;
  /** How often bodies are looked at. */
  readonly lookMs: number;
}

/** Slower than any line that a file of megabytes would be sent over. */
export const defaultPace: Pace = { graceMs: 20_000, bytesPerSecond: 1024, lookMs: 1000 };

interface Watched {
  readonly incoming: IncomingMessage;
  readonly before: number;
  readonly tooSlow: () => void;
  waitedMs: number;
}

/**
 * Watches over the bodies that clients are sending: each holds a connection and a temporary folder. Time in which the
 * server itself reads nothing is not the client's.
 */
export class SlowBodies {
  readonly #watched = new Set<Watched>();
  readonly #pace: Pace;
  readonly #timer: NodeJS.Timeout;

  constructor(pace: Pace = defaultPace) {
    this.#pace = pace;
    this.#timer = setInterval(() => this.#look(), pace.lookMs).unref();
  }

  /** Resolves when the body is too slow; never for one that has ended. `end` forgets it. */
  watch(incoming: IncomingMessage): { slow: Promise<"slow">; end: () => void } {
    const { promise, resolve } = Promise.withResolvers<"slow">();
    const before = incoming.socket.bytesRead;
    const entry: Watched = { incoming, before, tooSlow: () => resolve("slow"), waitedMs: 0 };
    this.#watched.add(entry);
    return { slow: promise, end: () => void this.#watched.delete(entry) };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { graceMs, bytesPerSecond, lookMs } = this.#pace;
    for (const entry of this.#watched) {
      const { incoming } = entry;
      if (incoming.complete || incoming.destroyed) {
        this.#watched.delete(entry);
        continue;
      }
      if (incoming.readableLength > 0) continue;
      entry.waitedMs += lookMs;
      const came = incoming.socket.bytesRead - entry.before;
      if (entry.waitedMs < graceMs || came * 1000 >= bytesPerSecond * entry.waitedMs) continue;
      this.#watched.delete(entry);
      entry.tooSlow();
    }
  }
}
