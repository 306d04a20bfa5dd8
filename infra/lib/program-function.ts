import { type Duration, RemovalPolicy, type Stack } from "aws-cdk-lib";
import * as ecrAssets from "aws-cdk-lib/aws-ecr-assets";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import { argue } from "./argue.ts";
import type { DataStack } from "./data-stack.ts";
import { grantObjects, grantPlaces, grantSecret, type Places } from "./grants.ts";
import { repository } from "./images.ts";
import type { NetworkStack } from "./network-stack.ts";

export interface FunctionOptions {
  readonly network: NetworkStack;
  readonly data: DataStack;
  /** Which export of which file the runtime calls: `lambda.handler`. */
  readonly handler: string;
  readonly memoryMiB: number;
  readonly timeout: Duration;
  readonly environment?: Record<string, string>;
  /** Whether it reads and writes objects; none but the API and the clean-up do. */
  readonly objects?: boolean;
  /** What it reads and writes in others' buckets. */
  readonly places?: Places;
  readonly reservedConcurrentExecutions?: number;
}

/** One of the API image's programs as a function in the private subnets, with the database's secret and no more. */
export function programFunction(
  stack: Stack,
  id: string,
  options: FunctionOptions,
): lambda.DockerImageFunction {
  const { data, network } = options;
  const logGroup = new logs.LogGroup(stack, `${id}Log`, {
    retention: logs.RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  // Its own role: AWS's managed policies allow every log group and every network interface.
  const role = new iam.Role(stack, `${id}Role`, {
    assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com"),
  });
  logGroup.grantWrite(role);
  const interfaces = new iam.PolicyStatement({
    actions: [
      "ec2:CreateNetworkInterface",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DeleteNetworkInterface",
      "ec2:AssignPrivateIpAddresses",
      "ec2:UnassignPrivateIpAddresses",
    ],
    resources: ["*"],
  });
  role.addToPolicy(interfaces);
  const made = new lambda.DockerImageFunction(stack, id, {
    code: lambda.DockerImageCode.fromImageAsset(repository, {
      file: "infra/containers/api.Dockerfile",
      target: "lambda",
      cmd: [options.handler],
      platform: ecrAssets.Platform.LINUX_AMD64,
    }),
    architecture: lambda.Architecture.X86_64,
    role,
    vpc: network.vpc,
    vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
    securityGroups: [network.programs],
    memorySize: options.memoryMiB,
    timeout: options.timeout,
    tracing: lambda.Tracing.ACTIVE,
    logGroup,
    ...(options.reservedConcurrentExecutions !== undefined && {
      reservedConcurrentExecutions: options.reservedConcurrentExecutions,
    }),
    environment: {
      NODE_ENV: "production",
      DATA_DIR: "/tmp/maskwright",
      DATABASE_SECRET_ARN: data.secret.secretArn,
      ...(options.objects && { S3_BUCKET: data.bucket.bucketName, S3_REGION: stack.region }),
      ...options.environment,
    },
  });
  grantSecret(data, role);
  if (options.objects) grantObjects(data, role);
  if (options.places) grantPlaces(role, options.places);
  argue(
    role,
    "Lambda makes its network interfaces in the function's name and they have no name before; X-Ray takes no resource.",
    "AwsSolutions-IAM5[Resource::*]",
  );
  return made;
}
