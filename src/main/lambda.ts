/**
 * The API on AWS Lambda, behind a function URL or an HTTP API: the runtime loads `handler`, which is made while the
 * instance starts. The database is migrated by the deployment (lambda-tasks.ts), never here.
 */
import { readConfig } from "../config.ts";
import { createLambda } from "./shared/lambda-api.ts";

export const { handler } = await createLambda(readConfig());
