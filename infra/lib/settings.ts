import { z } from "zod";

/** Places in buckets (`bucket` or `bucket/folder`, `{workspace}` in one), parted by commas. */
const places = z
  .string()
  .transform((text) => text.split(","))
  .pipe(z.array(z.string().regex(/^[a-z0-9][a-z0-9.-]{1,62}(\/[^/\s]+)*$/)))
  .default([]);

/** What an installation may choose; every value can be given to cdk as `-c name=value`. */
export const settingsSchema = z.object({
  /** Before the names of all stacks; two installations in one account need two. */
  prefix: z
    .string()
    .regex(/^[A-Z][A-Za-z0-9]*$/)
    .default("Maskwright"),
  account: z
    .string()
    .regex(/^\d{12}$/)
    .optional(),
  region: z.string().default("eu-central-1"),
  /** Named, not looked up: a synthesis needs no account, and a subnet never moves. */
  availabilityZones: z
    .string()
    .transform((text) => text.split(","))
    .pipe(z.array(z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d[a-z]$/)).min(2))
    .default(["eu-central-1a", "eu-central-1b"]),
  /** Aurora capacity units, 2 GiB of memory each. */
  databaseMinCapacity: z.coerce.number().min(0.5).max(128).default(0.5),
  databaseMaxCapacity: z.coerce.number().min(1).max(128).default(8),
  /** A second instance in the other zone, which takes over when the first is lost. */
  databaseReader: z.stringbool().default(true),
  /** Days that point-in-time recovery and deleted objects reach back. */
  backupDays: z.coerce.number().int().min(1).max(35).default(14),
  /** Instances of the API kept warm; 0 for none. */
  provisionedConcurrency: z.coerce.number().int().min(0).max(1000).default(0),
  /** Instances at once, at most: each takes up to three connections of the database. */
  reservedConcurrency: z.coerce.number().int().min(1).max(1000).default(50),
  /** Whether answers stream; without it event streams end at once and clients poll. */
  streaming: z.stringbool().default(true),
  /** GPU instances at once, at most; there are none while nothing waits. */
  maxTrainers: z.coerce.number().int().min(1).max(50).default(2),
  /** Spot capacity is taken from whichever is cheapest and likely to stay. */
  trainerInstances: z
    .string()
    .transform((text) => text.split(","))
    .default(["g6.xlarge", "g5.xlarge", "g6.2xlarge", "g5.2xlarge"]),
  /** Others' buckets that imports may read; the programs' roles get the right, and the API the setting of that name. */
  importBuckets: places,
  /** The same for what exports may write. */
  exportBuckets: places,
  /** Who is told of alarms and of the budget; left out, nobody is. */
  alarmEmail: z.email().optional(),
  /** US dollars a month. */
  monthlyBudget: z.coerce.number().min(1).default(300),
});

export type Settings = z.infer<typeof settingsSchema>;

/** Throws an Error that lists every setting that is wrong. */
export function readSettings(given: Record<string, unknown>): Settings {
  const result = settingsSchema.safeParse(given);
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => `  ${issue.path.join(".")}: ${issue.message}`);
  throw new Error(`The settings are not right:\n${lines.join("\n")}`);
}
