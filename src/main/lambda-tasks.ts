/** Small jobs of the deployment on AWS Lambda, one exported handler each. */
import { readConfig } from "../config.ts";
import { openDatabase } from "../db/client.ts";
import { migrate as runMigrations } from "../db/migrate.ts";
import { countTrainersWanted } from "../db/queries/waiting.ts";
import { createLog } from "../lib/log.ts";
import { cleanUp as runCleanUp } from "./shared/clean-up.ts";
import { databaseUrlOf } from "./shared/database-url.ts";
import { tellWithoutRowSecurity } from "./shared/row-security.ts";

/** Before a deployment lets new code in: brings the database to the newest schema. */
export async function migrate(): Promise<void> {
  const config = readConfig();
  const { withoutRowSecurity } = await runMigrations(await databaseUrlOf(config));
  tellWithoutRowSecurity(createLog({ level: config.LOG_LEVEL, name: "migrate" }), withoutRowSecurity);
}

/** Every night: removes what is kept no longer, and objects that no row refers to. */
export async function cleanUp(): Promise<void> {
  const config = readConfig();
  const log = createLog({ level: config.LOG_LEVEL, name: "clean-up" });
  await runCleanUp(config, await databaseUrlOf(config), log);
}

/** Every minute: tells CloudWatch how many trainers there is work for. */
export async function queueDepth(): Promise<void> {
  const database = openDatabase(await databaseUrlOf(readConfig()), { max: 1 });
  try {
    process.stdout.write(
      `${JSON.stringify(trainersWantedMetric(await countTrainersWanted(database.db), Date.now()))}\n`,
    );
  } finally {
    await database.close();
  }
}

/** One line in CloudWatch's embedded metric format: the log becomes the metric, with no call and no permission. */
export const trainersWantedMetric = (wanted: number, timestamp: number): object => ({
  _aws: {
    Timestamp: timestamp,
    CloudWatchMetrics: [
      { Namespace: "Maskwright", Dimensions: [[]], Metrics: [{ Name: "TrainersWanted", Unit: "Count" }] },
    ],
  },
  TrainersWanted: wanted,
});
