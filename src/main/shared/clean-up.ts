import type { Config } from "../../config.ts";
import type { Log } from "../../lib/log.ts";
import { collectGarbage, type GarbageReport } from "../../operations/garbage.ts";
import { createServices } from "../../services.ts";
import { keepHouse } from "./housekeeping.ts";

/** Objects are written before the rows that name them; a day is more than any job or upload takes to get there. */
const olderThanMs = 24 * 3600_000;

/** Every night: rows and embeddings that are kept no longer, then objects that no row refers to. */
export async function cleanUp(config: Config, databaseUrl: string, log: Log): Promise<GarbageReport> {
  const services = await createServices(config, { databaseUrl, log });
  try {
    await keepHouse(services);
    const report = await collectGarbage(services, { olderThanMs });
    log.info(report, "collected garbage");
    return report;
  } finally {
    await services.close();
  }
}
