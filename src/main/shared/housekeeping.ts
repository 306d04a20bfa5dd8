import { deleteExpiredPredictions, isInLog } from "../../db/queries/predictions.ts";
import { selectUnknownHashes } from "../../db/queries/images.ts";
import { sweepUploads } from "../../db/queries/uploads.ts";
import { deleteOldDeliveries } from "../../db/queries/webhook-deliveries.ts";
import type { Releases } from "../../lib/releases.ts";
import type { Services } from "../../services.ts";
import { scrubWhenDue } from "./regular-scrub.ts";

type Context = Pick<Services, "config" | "db" | "inference" | "log" | "store">;

const everyMs = 3600_000;
/** Rows of one statement, so that none holds its locks for long. */
const batch = 1000;

/**
 * Once an hour, and at the start: logged predictions that are older than their project keeps them go, with the
 * embeddings of images that only they named; so do messages to webhooks after 30 days, and what came by links that are
 * over. Any number of processes may do this at once. One of them reads all objects through when SCRUB_HOURS are over.
 */
export function startHousekeeping(services: Context, releases: Releases): void {
  let running: Promise<unknown> | undefined;
  const ending = new AbortController();
  const sweep = (): void => {
    running ??= keepHouse(services)
      .then(() => scrubWhenDue(services, services.config.SCRUB_HOURS, ending.signal))
      .catch((error: unknown) =>
        services.log.warn({ error }, "the hourly sweep failed; the next one goes on"),
      )
      .finally(() => (running = undefined));
  };
  const timer = setInterval(sweep, everyMs);
  releases.add("housekeeping", async () => {
    clearInterval(timer);
    ending.abort();
    await running;
  });
  sweep();
}

/** One sweep, to its end. */
export async function keepHouse({ db, inference, log, store }: Omit<Context, "config">): Promise<void> {
  let predictions = 0;
  for (;;) {
    const gone = await deleteExpiredPredictions(db, batch);
    predictions += gone.length;
    for (const [workspaceId, hashes] of byWorkspace(gone)) {
      for (const sha256 of await selectUnknownHashes(db, workspaceId, [...hashes]))
        if (!(await isInLog(db, workspaceId, sha256))) await inference.forget({ workspaceId, sha256 });
    }
    if (gone.length < batch) break;
  }
  let messages = 0;
  for (;;) {
    const gone = await deleteOldDeliveries(db, batch);
    messages += gone;
    if (gone < batch) break;
  }
  let uploads = 0;
  for (;;) {
    const gone = await sweepUploads(db, batch);
    for (const key of gone) await store.delete(key);
    uploads += gone.length;
    if (gone.length < batch) break;
  }
  if (predictions + messages + uploads > 0)
    log.info({ predictions, messages, uploads }, "swept what is kept no longer");
}

function byWorkspace(
  rows: readonly { workspaceId: string; imageSha256: string }[],
): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { workspaceId, imageSha256 } of rows)
    found.set(workspaceId, (found.get(workspaceId) ?? new Set<string>()).add(imageSha256));
  return found;
}
