/** `npm run migrate`: brings the database to the newest schema, before the new programs start. */
import { readConfig } from "../config.ts";
import { migrate } from "../db/migrate.ts";
import { createLog } from "../lib/log.ts";
import { Releases } from "../lib/releases.ts";
import { databaseUrlOf } from "./shared/database-url.ts";
import { orExit, runTask } from "./shared/process.ts";
import { tellWithoutRowSecurity } from "./shared/row-security.ts";
import { usageOr } from "./shared/usage.ts";

usageOr(`usage: npm run migrate
  Brings the Postgres of DATABASE_URL to the newest schema.`);
const config = orExit(readConfig);
const log = createLog({ level: config.LOG_LEVEL, name: "migrate" });
await runTask(log, new Releases(), async () => {
  const { withoutRowSecurity } = await migrate(await databaseUrlOf(config));
  tellWithoutRowSecurity(log, withoutRowSecurity);
  log.info("the database has the newest schema");
});
