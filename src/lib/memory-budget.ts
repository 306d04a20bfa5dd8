import { totalmem } from "node:os";
import { AppError } from "./errors.ts";

const MiB = 1024 * 1024;

/** What stays free for everybody else, whoever asks: one key holds at most so much of the whole, in all. */
const shareOfOne = 3 / 4;
/** Smaller asks may go ahead of one that does not fit yet, but only so many: it is never starved. */
const mostPassed = 32;
/** Asks of one key that may wait. Those that wait hold something too. */
const mostWaiting = 256;

export interface Ask {
  /** Whose turn it is: a workspace, so that one which asks for much waits behind itself. */
  readonly by: string;
  /** What it is for, as an error names it: "this answer". */
  readonly what?: string;
  /** What would fit, as an error says it: "Ask for fewer prompts." */
  readonly hint?: string;
  /** The field of a request that asks for so much. */
  readonly param?: string;
  /** Whether whoever asks holds nothing yet: others of the same key may hold something while they ask, and go first. */
  readonly begins?: boolean;
  /** Milliseconds until it gives up waiting. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}

/** Memory that is held. */
export interface Reservation {
  readonly bytes: number;
  /** Gives back what is no longer needed; more than is held can't be asked for so. */
  shrinkTo(bytes: number): void;
  /** Gives all of it back; a second time does nothing. */
  release(): void;
}

/**
 * Memory that is asked for before it is used. What is free is given out at once; else asks wait, those of one key in
 * their order, those who hold something already before those who begin, and the keys in turn.
 */
export interface MemoryBudget {
  /** Bytes of all that is given out together. */
  readonly total: number;
  /** Bytes at most of one ask, and of all that one key holds. */
  readonly most: number;
  readonly used: number;
  readonly waiting: number;
  /**
   * Throws AppError memory_exceeded beyond `most`, overloaded where there was no room within `waitMs`, and the signal's
   * reason.
   */
  reserve(bytes: number, ask: Ask): Promise<Reservation>;
  /** Holds memory while `work` runs. Throws what reserve throws, and what `work` does. */
  hold<T>(bytes: number, ask: Ask, work: (held: Reservation) => Promise<T>): Promise<T>;
}

interface Waiting {
  readonly bytes: number;
  readonly begins: boolean;
  readonly give: () => void;
  passed: number;
}

const inMiB = (bytes: number): string => `${Math.ceil(bytes / MiB)} MiB`;

/** `setting`: what an installation changes `total` by, for those who are refused. */
export function createMemoryBudget(total: number, setting?: string): MemoryBudget {
  const most = Math.floor(total * shareOfOne);
  const held = new Map<string, number>();
  /** In the order of their turns. */
  const lines = new Map<string, Waiting[]>();
  let used = 0;
  let waiting = 0;

  const heldBy = (key: string): number => held.get(key) ?? 0;
  const fits = (key: string, bytes: number): boolean => used + bytes <= total && heldBy(key) + bytes <= most;

  const take = (key: string, bytes: number): void => {
    used += bytes;
    held.set(key, heldBy(key) + bytes);
  };

  const giveBack = (key: string, bytes: number): void => {
    used -= bytes;
    const left = heldBy(key) - bytes;
    if (left > 0) held.set(key, left);
    else held.delete(key);
    serve();
  };

  /** Serves the first whose turn it is and who fits, as long as there is one. */
  const serve = (): void => {
    for (let served = true; served;) {
      served = false;
      const before: Waiting[] = [];
      for (const [key, line] of lines) {
        const first = line[0] as Waiting;
        if (!fits(key, first.bytes)) {
          // One that only its own key's share holds up is in nobody's way.
          if (heldBy(key) + first.bytes <= most) before.push(first);
          continue;
        }
        if (before.some(({ passed }) => passed >= mostPassed)) break;
        for (const one of before) one.passed++;
        line.shift();
        waiting--;
        lines.delete(key);
        if (line.length > 0) lines.set(key, line);
        take(key, first.bytes);
        first.give();
        served = true;
        break;
      }
    }
  };

  const waitFor = async (
    bytes: number,
    { by, begins = false, waitMs = 10_000, signal }: Ask,
  ): Promise<void> => {
    const line = lines.get(by) ?? [];
    if (line.length >= mostWaiting) throw overloaded(0);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entry: Waiting = { bytes, begins, give: resolve, passed: 0 };
    const behind = begins ? -1 : line.findIndex((one) => one.begins);
    line.splice(behind === -1 ? line.length : behind, 0, entry);
    lines.set(by, line);
    waiting++;
    const leave = (reason: unknown): void => {
      const own = lines.get(by);
      const at = own?.indexOf(entry) ?? -1;
      if (!own || at === -1) return;
      own.splice(at, 1);
      if (own.length === 0) lines.delete(by);
      waiting--;
      reject(reason);
      serve();
    };
    const timer = setTimeout(() => leave(overloaded(waitMs)), waitMs);
    const gone = (): void => leave(signal?.reason);
    signal?.addEventListener("abort", gone, { once: true });
    try {
      serve();
      await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", gone);
    }
  };

  const reserve = async (asked: number, ask: Ask): Promise<Reservation> => {
    let bytes = Math.ceil(asked);
    if (!(bytes <= most)) {
      const { what = "this request", hint = "Ask for less at a time.", param } = ask;
      const message = `${what} needs about ${inMiB(bytes)} of memory; ${inMiB(most)} are the most${setting === undefined ? "" : ` (three quarters of ${setting})`}. ${hint}`;
      throw new AppError("memory_exceeded", message, param === undefined ? {} : { param });
    }
    ask.signal?.throwIfAborted();
    if (waiting === 0 && fits(ask.by, bytes)) take(ask.by, bytes);
    else await waitFor(bytes, ask);
    const shrinkTo = (left: number): void => {
      const freed = bytes - Math.max(0, Math.ceil(left));
      if (freed <= 0) return;
      bytes -= freed;
      giveBack(ask.by, freed);
    };
    return {
      get bytes() {
        return bytes;
      },
      shrinkTo,
      release: () => shrinkTo(0),
    };
  };

  return {
    total,
    most,
    get used() {
      return used;
    },
    get waiting() {
      return waiting;
    },
    reserve,
    hold: async (bytes, ask, work) => {
      const reservation = await reserve(bytes, ask);
      try {
        return await work(reservation);
      } finally {
        reservation.release();
      }
    },
  };
}

const overloaded = (waitMs: number): AppError =>
  new AppError(
    "overloaded",
    waitMs === 0
      ? "Too many requests wait for memory already; try again later."
      : `No memory became free within ${waitMs} ms; try again later.`,
    { retryAfter: Math.max(1, Math.ceil(waitMs / 2000)) },
  );

/** Bytes that this process may use: the machine's, or the container's where that is less. */
export function memoryLimit(): number {
  const container = process.constrainedMemory();
  return container > 0 ? Math.min(container, totalmem()) : totalmem();
}

/**
 * The budget of a process that may use `limit` bytes: a quarter, at most 512 MiB. The rest is left to the models, to the caches of
 * embeddings, and to what isn't asked for.
 */
export const defaultMemoryBudget = (limit: number = memoryLimit()): number =>
  Math.max(128 * MiB, Math.min(512 * MiB, Math.floor(limit / 4)));
