import type { Log } from "../../lib/log.ts";

/** Says where Postgres does not hold requests to their workspace; see db/row-security.ts. */
export function tellWithoutRowSecurity(log: Log, reason: string | null): void {
  if (reason !== null)
    log.warn({ reason }, "queries alone hold requests to their workspace, and not Postgres (docs/adr/0034)");
}
