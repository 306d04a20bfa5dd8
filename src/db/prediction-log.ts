import { isFull } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import type { Database } from "./client.ts";
import { selectImages } from "./queries/images.ts";
import {
  beginPrediction,
  type BegunPrediction,
  dropPredictions,
  type FinishedPrediction,
  finishPredictions,
} from "./queries/predictions.ts";

/** A prediction that is being made and stands in the log by its prompts. */
export interface OpenPrediction {
  /**
   * Resolves once the row is stored, with false where the project has no such image. Rejects as the database does, but
   * where it has no room: an answer needs none, so it is given without a row, and the log says how many are.
   */
  readonly stored: Promise<boolean>;
  /** It is answered: what is known only now follows within `everyMs`, many at a time, and it counts as used. */
  finish(facts: Omit<FinishedPrediction, "id">): Promise<void>;
  /** It came to nothing: its row goes, as soon as `finish` would have written it. */
  drop(): Promise<void>;
}

/** The log of predictions, which no answer waits for. See docs/adr/0018-the-log-of-predictions.md. */
export interface PredictionLog {
  /** Stores the row, which takes less time than the decoder does. `imageId`, where given, must be one of the project. */
  open(row: BegunPrediction, imageId: string | null): OpenPrediction;
  /** Resolves once all that was told before is written, or the database has refused it for now. Never rejects. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** So many wait at most for a database that is away; those that come then are left without their times. */
const mostWaiting = 10_000;
/** Rows of one statement. */
const batch = 500;
const retryMs = 1000;
const tellEveryMs = 60_000;

/**
 * @param options.requests The same database as a request asks it: a row is stored as its request's, and finished with others.
 * @param options.everyMs 0: `finish` waits until it is written, for a process that is stopped between its requests.
 */
export function createPredictionLog(options: {
  db: Database;
  requests: Database;
  log: Log;
  everyMs: number;
}): PredictionLog {
  const { db, requests, log, everyMs } = options;
  const finished: FinishedPrediction[] = [];
  const dropped: string[] = [];
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> | undefined;

  const later = (ms: number): void => {
    timer ??= setTimeout(() => void flush(), ms).unref();
  };

  const writeAll = async (): Promise<void> => {
    while (finished.length > 0 || dropped.length > 0) {
      const done = finished.slice(0, batch);
      const gone = dropped.slice(0, batch);
      if (done.length > 0) await finishPredictions(db, done);
      finished.splice(0, done.length);
      if (gone.length > 0) await dropPredictions(db, gone);
      dropped.splice(0, gone.length);
    }
  };

  const flush = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    // What came after that one had looked for the last time is left to the next.
    if (writing) return writing.then(flush);
    if (finished.length + dropped.length === 0) return;
    writing = writeAll().catch((error: unknown) => {
      log.warn({ error, waiting: finished.length }, "the log of predictions can't be written");
      later(retryMs);
    });
    await writing.finally(() => (writing = undefined));
  };

  const put = <T>(line: T[], entry: T): Promise<void> => {
    if (line.length >= mostWaiting) return Promise.resolve();
    line.push(entry);
    if (everyMs === 0) return flush();
    later(everyMs);
    return Promise.resolve();
  };

  let unlogged = 0;
  let toldAt = -Infinity;
  const tellUnlogged = (error: unknown): void => {
    unlogged++;
    if (performance.now() - toldAt < tellEveryMs) return;
    toldAt = performance.now();
    log.error({ err: error, predictions: unlogged }, "the database has no room: predictions are not logged");
  };

  return {
    open(row, imageId) {
      let isLogged = true;
      const stored = beginPrediction(requests, row, imageId).catch(async (error: unknown) => {
        if (!isFull(error)) throw error;
        isLogged = false;
        tellUnlogged(error);
        return imageId === null || (await selectImages(requests, row, [imageId])).length > 0;
      });
      const isStored = stored.then(
        (there) => there && isLogged,
        () => false,
      );
      return {
        stored,
        finish: async (facts) => {
          if (isLogged) await put(finished, { id: row.id, ...facts });
        },
        drop: async () => {
          if (await isStored) await put(dropped, row.id);
        },
      };
    },
    flush,
    async close() {
      await flush();
      clearTimeout(timer);
      if (finished.length > 0)
        log.error({ predictions: finished.length }, "predictions are left without times");
    },
  };
}
