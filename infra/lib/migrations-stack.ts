import { Duration, Stack, type StackProps } from "aws-cdk-lib";
import * as triggers from "aws-cdk-lib/triggers";
import type { Construct } from "constructs";
import { argueProvider } from "./argue-provider.ts";
import type { DataStack } from "./data-stack.ts";
import type { NetworkStack } from "./network-stack.ts";
import { programFunction } from "./program-function.ts";

/**
 * Migrates the database once in every deployment with a new image, before any stack with new code is touched; a
 * migration that fails stops the deployment, and the old code runs on.
 */
export class MigrationsStack extends Stack {
  constructor(scope: Construct, id: string, props: StackProps & { network: NetworkStack; data: DataStack }) {
    super(scope, id, props);
    const { network, data } = props;
    const migrate = programFunction(this, "Migrate", {
      network,
      data,
      handler: "lambda-tasks.migrate",
      memoryMiB: 512,
      // Lambda's longest. Longer rewrites of data are no migration: docs/operations.md.
      timeout: Duration.minutes(15),
    });
    new triggers.Trigger(this, "BeforeDeployment", {
      handler: migrate,
      timeout: Duration.minutes(15),
      invocationType: triggers.InvocationType.REQUEST_RESPONSE,
    });
    argueProvider(this);
  }
}
