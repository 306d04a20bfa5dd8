import { claimScrub, endScrub, holdScrub } from "../../db/queries/scrubs.ts";
import { scrub } from "../../operations/scrub.ts";
import type { Services } from "../../services.ts";

type Context = Pick<Services, "db" | "log" | "store">;

const holdEveryMs = 60_000;

/**
 * Reads all objects through where that was last done so many hours ago, in one process of all. Each object that is lost is
 * a line of the log, and `/metrics` tells how many there are. Gives whether it came to its end.
 * @param hours 0: never
 */
export async function scrubWhenDue(
  { db, log, store }: Context,
  hours: number,
  signal: AbortSignal,
): Promise<boolean> {
  if (hours === 0 || signal.aborted || !(await claimScrub(db, hours))) return false;
  let came: { checked: number; lost: number } | null = null;
  let heldAt = performance.now();
  try {
    const { checked, lost } = await scrub({ db, store }, (one) => log.error(one, "an object is lost"), {
      signal,
      goesOn: async () => {
        if (performance.now() - heldAt < holdEveryMs) return;
        heldAt = performance.now();
        await holdScrub(db);
      },
    });
    came = { checked, lost: lost.length };
    log.info(came, "scrubbed");
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  } finally {
    await endScrub(db, came);
  }
}
