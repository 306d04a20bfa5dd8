import { AppError } from "../lib/errors.ts";

/** What the Postgres client and the server say where there is no connection to be had, or it broke. */
const codes =
  /^(08\w{3}|57P0[123]|53300|ECONNREFUSED|ECONNRESET|ENOTFOUND|EPIPE|ETIMEDOUT|CONNECT_TIMEOUT|CONNECTION_\w+)$/;

/**
 * Whether something failed for want of a connection to the database. Drizzle wraps what the client throws; an AppError
 * knows its own reason, the object store's among them.
 */
export function isDatabaseAway(thrown: unknown): boolean {
  for (let error = thrown; error instanceof Error && !(error instanceof AppError); error = error.cause) {
    if ("code" in error && typeof error.code === "string" && codes.test(error.code)) return true;
  }
  return false;
}
