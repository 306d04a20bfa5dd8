import { claimScrub, endScrub, holdScrub } from "../../db/queries/scrubs.ts";
import { scrub } from "../../operations/scrub.ts";
import type { Services } from "../../services.ts";

type Context = Pick<Services, "db" | "log" | "store">;

/**
 * Reads all objects through where that was last done so many hours ago, in one process of all. Each object that is lost is
 * a line of the log, and `/metrics` tells how many there are. Gives whether it came to its end; it breaks off where another
 * process has taken it for dead.
 * @param hours 0: never
 * @param holdEveryMs how often it says that it goes on
 */
export async function scrubWhenDue(
  { db, log, store }: Context,
  hours: number,
  signal: AbortSignal,
  holdEveryMs = 60_000,
): Promise<boolean> {
  const token = hours === 0 || signal.aborted ? null : await claimScrub(db, hours);
  if (token === null) return false;
  /** Aborted where another process has taken it over. */
  const taken = new AbortController();
  let came: { checked: number; lost: number } | null = null;
  let heldAt = performance.now();
  try {
    const report = await scrub({ db, store }, (one) => log.error(one, "an object is lost"), {
      signal: AbortSignal.any([signal, taken.signal]),
      goesOn: async () => {
        if (performance.now() - heldAt < holdEveryMs) return;
        heldAt = performance.now();
        if (await holdScrub(db, token)) return;
        taken.abort();
        taken.signal.throwIfAborted();
      },
    });
    came = { checked: report.checked, lost: report.lost.length };
    log.info(came, "scrubbed");
    return true;
  } catch (error) {
    if (signal.aborted || taken.signal.aborted) return false;
    throw error;
  } finally {
    await endScrub(db, token, came);
  }
}
