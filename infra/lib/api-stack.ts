import { CfnOutput, Duration, Stack, type StackProps } from "aws-cdk-lib";
import * as events from "aws-cdk-lib/aws-events";
import * as targets from "aws-cdk-lib/aws-events-targets";
import * as lambda from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";
import type { DataStack } from "./data-stack.ts";
import type { NetworkStack } from "./network-stack.ts";
import { programFunction } from "./program-function.ts";
import type { Settings } from "./settings.ts";

/** Lambda refuses larger events; bytes come as base64, so an upload may have three quarters of them. */
const lambdaEventBytes = 6 * 1024 * 1024;

/** The API: one function behind its own URL. Callers bring the API's keys; nothing else is let through. */
export class ApiStack extends Stack {
  readonly api: lambda.DockerImageFunction;
  readonly url: lambda.FunctionUrl;

  constructor(
    scope: Construct,
    id: string,
    props: StackProps & { settings: Settings; network: NetworkStack; data: DataStack },
  ) {
    super(scope, id, props);
    const { settings, network, data } = props;
    this.api = programFunction(this, "Api", {
      network,
      data,
      handler: "lambda.handler",
      objects: true,
      // Two whole processors: 1769 MiB are one.
      memoryMiB: 3538,
      timeout: Duration.minutes(5),
      reservedConcurrentExecutions: settings.reservedConcurrency,
      environment: {
        LAMBDA_RESPONSE: settings.streaming ? "stream" : "buffered",
        // Before the function's own time limit, so that a stream ends between two events.
        EVENT_STREAM_SECONDS: "240",
        MAX_BODY_BYTES: String(Math.floor((lambdaEventBytes * 3) / 4) - 65_536),
        MAX_ANSWER_BYTES: String(settings.streaming ? 20 * 1024 * 1024 : lambdaEventBytes - 65_536),
        EMBEDDING_CACHE_ENTRIES: "64",
        INFERENCE_THREADS: "2",
        IMPORT_BUCKETS: settings.importBuckets.join(","),
        EXPORT_BUCKETS: settings.exportBuckets.join(","),
      },
      places: { read: settings.importBuckets, write: settings.exportBuckets },
    });
    const live = new lambda.Alias(this, "Live", { aliasName: "live", version: this.api.currentVersion });
    if (settings.provisionedConcurrency > 0) keepWarm(live, settings.provisionedConcurrency);
    this.url = live.addFunctionUrl({
      authType: lambda.FunctionUrlAuthType.NONE,
      invokeMode: settings.streaming ? lambda.InvokeMode.RESPONSE_STREAM : lambda.InvokeMode.BUFFERED,
    });
    new CfnOutput(this, "Url", { value: this.url.url, description: "The API" });

    const cleanUp = programFunction(this, "CleanUp", {
      network,
      data,
      handler: "lambda-tasks.cleanUp",
      objects: true,
      memoryMiB: 512,
      timeout: Duration.minutes(15),
    });
    new events.Rule(this, "EveryNight", {
      schedule: events.Schedule.cron({ hour: "3", minute: "30" }),
      targets: [new targets.LambdaFunction(cleanUp, { retryAttempts: 1 })],
    });
  }
}

/** Instances that are started already, and up to four times as many while most of them work. */
function keepWarm(live: lambda.Alias, count: number): void {
  const scaling = live.addAutoScaling({ minCapacity: count, maxCapacity: count * 4 });
  scaling.scaleOnUtilization({ utilizationTarget: 0.7 });
}
