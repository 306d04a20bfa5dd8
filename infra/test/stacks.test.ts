import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Match, Template } from "aws-cdk-lib/assertions";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectionsAt } from "../lib/alarms-stack.ts";
import { readSettings } from "../lib/settings.ts";
import { installation } from "./synth.ts";

const outdir = mkdtempSync(join(tmpdir(), "maskwright-cdk-"));
afterAll(() => rmSync(outdir, { recursive: true, force: true }));

let made: ReturnType<typeof installation>;
beforeAll(() => {
  made = installation({}, outdir);
  // Fails on every finding of cdk-nag that is not argued.
  made.app.synth();
});
type StackName = Exclude<keyof typeof made, "app">;
const of = (name: StackName): Template => Template.fromStack(made[name]);

interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
}
const resources = (name: StackName, type: string): Resource[] =>
  Object.values(of(name).findResources(type)) as Resource[];

describe("the network", () => {
  it("lets nothing into the programs, and only them to the database", () => {
    const template = of("network");
    template.resourceCountIs("AWS::EC2::SecurityGroup", 2);
    template.resourceCountIs("AWS::EC2::SecurityGroupIngress", 1);
    template.hasResourceProperties("AWS::EC2::SecurityGroupIngress", { FromPort: 5432, ToPort: 5432 });
    for (const { Properties } of resources("network", "AWS::EC2::SecurityGroup"))
      expect(Properties["SecurityGroupIngress"]).toBeUndefined();
    template.resourceCountIs("AWS::EC2::Subnet", 6);
    template.hasResourceProperties("AWS::EC2::VPCEndpoint", { VpcEndpointType: "Gateway" });
  });
});

describe("the data", () => {
  it("is encrypted with a key that rotates, and outlives its stack", () => {
    const template = of("data");
    template.hasResourceProperties("AWS::KMS::Key", { EnableKeyRotation: true });
    template.hasResource("AWS::RDS::DBCluster", {
      DeletionPolicy: "Snapshot",
      Properties: {
        StorageEncrypted: true,
        DeletionProtection: true,
        BackupRetentionPeriod: 14,
        ServerlessV2ScalingConfiguration: { MinCapacity: 0.5, MaxCapacity: 8 },
      },
    });
    template.hasResourceProperties("AWS::RDS::DBClusterParameterGroup", {
      Parameters: Match.objectLike({ "rds.force_ssl": "1" }),
    });
    template.hasResource("AWS::S3::Bucket", {
      DeletionPolicy: "Retain",
      Properties: {
        VersioningConfiguration: { Status: "Enabled" },
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [
            Match.objectLike({
              ServerSideEncryptionByDefault: Match.objectLike({ SSEAlgorithm: "aws:kms" }),
            }),
          ],
        },
        LifecycleConfiguration: {
          Rules: Match.arrayWith([
            Match.objectLike({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } }),
            Match.objectLike({ NoncurrentVersionExpiration: { NoncurrentDays: 14 } }),
          ]),
        },
      },
    });
  });

  it("keeps deleted objects exactly as long as the database can be set back", () => {
    const template = Template.fromStack(installation({ backupDays: "30" }).data);
    template.hasResourceProperties("AWS::RDS::DBCluster", { BackupRetentionPeriod: 30 });
    template.hasResourceProperties("AWS::S3::Bucket", {
      LifecycleConfiguration: {
        Rules: Match.arrayWith([Match.objectLike({ NoncurrentVersionExpiration: { NoncurrentDays: 30 } })]),
      },
    });
  });
});

describe("migrations", () => {
  it("run before any stack with new code", () => {
    expect(made.api.dependencies).toContain(made.migrations);
    expect(made.trainers.dependencies).toContain(made.migrations);
    of("migrations").hasResourceProperties("AWS::Lambda::Function", {
      ImageConfig: { Command: ["lambda-tasks.migrate"] },
      Timeout: 900,
    });
    of("migrations").resourceCountIs("Custom::Trigger", 1);
  });
});

describe("the API", () => {
  it("streams from two processors behind one URL", () => {
    of("api").hasResourceProperties("AWS::Lambda::Url", {
      AuthType: "NONE",
      InvokeMode: "RESPONSE_STREAM",
      Qualifier: "live",
    });
    of("api").hasResourceProperties("AWS::Lambda::Function", {
      ImageConfig: { Command: ["lambda.handler"] },
      MemorySize: 3538,
      ReservedConcurrentExecutions: 50,
      Environment: {
        Variables: Match.objectLike({ LAMBDA_RESPONSE: "stream", EVENT_STREAM_SECONDS: "240" }),
      },
    });
    of("api").resourceCountIs("AWS::ApplicationAutoScaling::ScalableTarget", 0);
  });

  it("can be kept warm, and taken whole", () => {
    const template = Template.fromStack(
      installation({ provisionedConcurrency: "2", streaming: "false" }).api,
    );
    template.hasResourceProperties("AWS::ApplicationAutoScaling::ScalableTarget", {
      MinCapacity: 2,
      MaxCapacity: 8,
    });
    template.hasResourceProperties("AWS::Lambda::Url", { InvokeMode: "BUFFERED" });
  });

  it("never opens more connections than the database takes", () => {
    const { reservedConcurrency, databaseMaxCapacity } = readSettings({});
    expect(reservedConcurrency * 3).toBeLessThan(connectionsAt(databaseMaxCapacity) * 0.8);
  });
});

describe("the trainers", () => {
  it("are as many as are wanted, down to none, on spot instances with a GPU", () => {
    const template = of("trainers");
    template.hasResourceProperties("AWS::ECS::Service", { DesiredCount: 0 });
    template.hasResourceProperties("AWS::ApplicationAutoScaling::ScalableTarget", {
      MinCapacity: 0,
      MaxCapacity: 2,
    });
    const steps = (adjustments: object[]) => ({
      PolicyType: "StepScaling",
      StepScalingPolicyConfiguration: Match.objectLike({
        AdjustmentType: "ExactCapacity",
        StepAdjustments: adjustments,
      }),
    });
    template.hasResourceProperties(
      "AWS::ApplicationAutoScaling::ScalingPolicy",
      steps([{ MetricIntervalUpperBound: 0, ScalingAdjustment: 0 }]),
    );
    template.hasResourceProperties(
      "AWS::ApplicationAutoScaling::ScalingPolicy",
      steps([
        { MetricIntervalLowerBound: 0, MetricIntervalUpperBound: 1, ScalingAdjustment: 1 },
        { MetricIntervalLowerBound: 1, ScalingAdjustment: 2 },
      ]),
    );
    template.hasResourceProperties("AWS::AutoScaling::AutoScalingGroup", {
      MinSize: "0",
      MixedInstancesPolicy: Match.objectLike({
        InstancesDistribution: Match.objectLike({ OnDemandPercentageAboveBaseCapacity: 0 }),
        LaunchTemplate: Match.objectLike({
          Overrides: Match.arrayWith([{ InstanceType: "g6.xlarge" }, { InstanceType: "g5.xlarge" }]),
        }),
      }),
    });
    template.hasResourceProperties("AWS::ECS::TaskDefinition", {
      ContainerDefinitions: [
        Match.objectLike({
          ResourceRequirements: [{ Type: "GPU", Value: "1" }],
          ReadonlyRootFilesystem: true,
        }),
      ],
    });
  });

  it("get SIGTERM with a spot instance's notice, and the whole of it but ten seconds", () => {
    const [template] = resources("trainers", "AWS::EC2::LaunchTemplate");
    expect(JSON.stringify(template)).toContain("ECS_ENABLE_SPOT_INSTANCE_DRAINING=true");
    of("trainers").hasResourceProperties("AWS::ECS::TaskDefinition", {
      ContainerDefinitions: [Match.objectLike({ StopTimeout: 110 })],
    });
  });
});

describe("whoever looks after it", () => {
  it("is told of alarms and of the month's costs", () => {
    of("alarms").resourceCountIs("AWS::CloudWatch::Alarm", 8);
    for (const { Properties } of resources("alarms", "AWS::CloudWatch::Alarm")) {
      expect(Properties["AlarmActions"]).toHaveLength(1);
      expect(Properties["AlarmDescription"]).toMatch(/See '.+'\.$/);
    }
    of("alarms").hasResourceProperties("AWS::SNS::Subscription", { Endpoint: "ops@example.com" });
    of("budget").hasResourceProperties("AWS::Budgets::Budget", {
      Budget: Match.objectLike({ BudgetLimit: { Amount: 300, Unit: "USD" } }),
      NotificationsWithSubscribers: Match.arrayWith([Match.objectLike({ Subscribers: [Match.anyValue()] })]),
    });
    of("dashboard").resourceCountIs("AWS::CloudWatch::Dashboard", 1);
  });
});

describe("the templates", () => {
  it("pass cfn-lint", () => {
    const files = readdirSync(outdir).filter((file) => file.endsWith(".template.json"));
    expect(files).toHaveLength(8);
    const cfnLint = process.env["CFN_LINT"] ?? "cfn-lint";
    // W3005: CDK repeats dependencies on purpose. W3010: zones are named so that nothing is looked up.
    const args = ["--ignore-checks", "W3005", "W3010", "--", ...files.map((file) => join(outdir, file))];
    const { stdout, status, error } = spawnSync(cfnLint, args, { encoding: "utf8" });
    if (error)
      throw new Error(`cfn-lint can't be started: npm run test:infra installs it (${error.message})`);
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });

  it("come out of cdk's own command line the same way, with settings from it", () => {
    const out = join(outdir, "cli");
    const args = ["node_modules/aws-cdk/bin/cdk", "synth", "--quiet", "--output", out, "-c", "prefix=Other"];
    execFileSync(process.execPath, args, {
      cwd: join(import.meta.dirname, ".."),
      env: { ...process.env, CDK_DISABLE_CLI_TELEMETRY: "true", AWS_EC2_METADATA_DISABLED: "true" },
      stdio: "pipe",
    });
    expect(readdirSync(out)).toContain("OtherApi.template.json");
  });
});

describe("settings", () => {
  it("are refused all at once", () => {
    expect(() => readSettings({ maxTrainers: "none", availabilityZones: "here" })).toThrow(
      /availabilityZones.*\n.*maxTrainers/s,
    );
  });
});
