import { createApp } from "../../app.ts";
import type { Config } from "../../config.ts";
import { openDatabase } from "../../db/client.ts";
import { migrate } from "../../db/migrate.ts";
import { createFirstKey } from "../../db/queries/api-keys.ts";
import type { Log } from "../../lib/log.ts";
import { watchLoop } from "../../lib/loop-watch.ts";
import type { Releases } from "../../lib/releases.ts";
import { createServices, type Services } from "../../services.ts";
import { tellWithoutRowSecurity } from "./row-security.ts";
import { serve } from "./serve.ts";

/** Migrates the database, builds the services on it and registers their release. */
export async function startServices(options: {
  config: Config;
  databaseUrl: string;
  log: Log;
  releases: Releases;
}): Promise<Services> {
  const { config, databaseUrl, log, releases } = options;
  const { withoutRowSecurity } = await migrate(databaseUrl);
  tellWithoutRowSecurity(log, withoutRowSecurity);
  const services = await createServices(config, { databaseUrl, log });
  releases.add("the services", () => services.close());
  return services;
}

/** Serves the API. Returns its URL. */
export async function startApi(services: Services, releases: Releases): Promise<string> {
  const { HOST, PORT, SHUTDOWN_SECONDS } = services.config;
  const url = await serve(createApp(services), {
    host: HOST,
    port: PORT,
    graceMs: SHUTDOWN_SECONDS * 1000,
    releases,
  });
  releases.add("the watch over the event loop", watchLoop(services.log));
  // Released before the server is, which waits for open answers.
  releases.add("event streams", () => services.endStreams());
  return url;
}

/** The first key of a database that has none, or null. */
export async function firstKey(databaseUrl: string): Promise<string | null> {
  const database = openDatabase(databaseUrl, { max: 1 });
  try {
    return (await createFirstKey(database.db))?.key ?? null;
  } finally {
    await database.close();
  }
}
