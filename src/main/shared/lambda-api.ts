import { handle, type LambdaContext, type LambdaEvent, streamHandle } from "hono/aws-lambda";
import { createApp } from "../../app.ts";
import type { Config } from "../../config.ts";
import { createLog } from "../../lib/log.ts";
import { Releases } from "../../lib/releases.ts";
import { createServices, type Services } from "../../services.ts";
import { databaseUrlOf } from "./database-url.ts";
import { startTracing } from "./tracing.ts";

/** One instance serves one request at a time, and hundreds of them share the database. */
const connections = 2;

export interface LambdaApi {
  readonly handler: (event: LambdaEvent, context?: LambdaContext) => Promise<unknown>;
  readonly services: Services;
}

/**
 * The handler and what it stands on. Where answers are taken whole (LAMBDA_RESPONSE=buffered) an event stream that
 * waits would be told nothing before the platform's time limit, so there it ends after what is there: its client asks
 * again with Last-Event-ID, which is polling.
 */
export async function createLambda(config: Config): Promise<LambdaApi> {
  const log = createLog({ level: config.LOG_LEVEL, name: "lambda" });
  await startTracing(config, "lambda", new Releases());
  const databaseUrl = await databaseUrlOf(config);
  const settings = { ...config, DATABASE_POOL: Math.min(connections, config.DATABASE_POOL) };
  // An instance stands still once it has answered.
  const services = await createServices(settings, { databaseUrl, log, logEveryMs: 0 });
  if (config.LAMBDA_RESPONSE === "stream") {
    return { handler: streamHandle(createApp(services)) as LambdaApi["handler"], services };
  }
  return { handler: handle(createApp(services, { eventStreamMs: 0 })), services };
}
