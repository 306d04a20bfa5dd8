import type { Config } from "../config.ts";
import type { Quotas } from "../db/queries/usage.ts";

/** The quotas of a workspace that has none of its own. */
export const quotasOf = (config: Config): Quotas => ({
  images: config.QUOTA_IMAGES ?? null,
  bytes: config.QUOTA_BYTES ?? null,
  trainingMinutes: config.QUOTA_TRAINING_MINUTES ?? null,
});
