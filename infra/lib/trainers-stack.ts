import { Duration, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import { AdjustmentType } from "aws-cdk-lib/aws-applicationautoscaling";
import * as autoscaling from "aws-cdk-lib/aws-autoscaling";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ecrAssets from "aws-cdk-lib/aws-ecr-assets";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as events from "aws-cdk-lib/aws-events";
import * as targets from "aws-cdk-lib/aws-events-targets";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { argue } from "./argue.ts";
import type { DataStack } from "./data-stack.ts";
import { grantObjects, grantPlaces, grantSecret } from "./grants.ts";
import { repository } from "./images.ts";
import type { NetworkStack } from "./network-stack.ts";
import { programFunction } from "./program-function.ts";
import type { Settings } from "./settings.ts";

/** How many trainers there is work for, as lambda-tasks.ts tells it every minute. */
export const trainersWanted = new cloudwatch.Metric({
  namespace: "Maskwright",
  metricName: "TrainersWanted",
  statistic: "Maximum",
  period: Duration.minutes(1),
});

/**
 * Trainers on GPU spot instances, as many as there are projects with work, none while there are none. When Amazon
 * takes an instance back, its agent drains it within the two minutes' notice: the trainer gets SIGTERM and hands its
 * job back, and another goes on from the last checkpoint.
 */
export class TrainersStack extends Stack {
  readonly service: ecs.Ec2Service;
  readonly cluster: ecs.Cluster;
  readonly logGroup: logs.LogGroup;
  readonly queueDepth: lambda.Function;

  constructor(
    scope: Construct,
    id: string,
    props: StackProps & { settings: Settings; network: NetworkStack; data: DataStack },
  ) {
    super(scope, id, props);
    const { settings, network, data } = props;
    this.cluster = new ecs.Cluster(this, "Cluster", {
      vpc: network.vpc,
      containerInsightsV2: ecs.ContainerInsights.ENABLED,
    });
    const provider = this.#spotInstances(settings, network);
    this.logGroup = new logs.LogGroup(this, "Log", {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.service = new ecs.Ec2Service(this, "Trainers", {
      cluster: this.cluster,
      taskDefinition: this.#task(settings, data),
      desiredCount: 0,
      capacityProviderStrategies: [{ capacityProvider: provider.capacityProviderName, weight: 1 }],
      securityGroups: [network.programs],
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
      // The old ones hand their jobs back and go before new ones come: there is one GPU for each.
      minHealthyPercent: 0,
      maxHealthyPercent: 100,
      circuitBreaker: { rollback: true },
      enableExecuteCommand: false,
    });
    this.#scale(settings);
    this.queueDepth = programFunction(this, "QueueDepth", {
      network,
      data,
      handler: "lambda-tasks.queueDepth",
      memoryMiB: 512,
      timeout: Duration.seconds(30),
    });
    new events.Rule(this, "EveryMinute", {
      schedule: events.Schedule.rate(Duration.minutes(1)),
      targets: [new targets.LambdaFunction(this.queueDepth, { retryAttempts: 0 })],
    });
  }

  #spotInstances(settings: Settings, network: NetworkStack): ecs.AsgCapacityProvider {
    const role = new iam.Role(this, "InstanceRole", {
      assumedBy: new iam.ServicePrincipal("ec2.amazonaws.com"),
    });
    const userData = ec2.UserData.forLinux();
    userData.addCommands(
      // Draining at the two minutes' notice is what lets a trainer hand its job back.
      "echo ECS_ENABLE_SPOT_INSTANCE_DRAINING=true >> /etc/ecs/ecs.config",
      // A trainer has its task's rights and not its machine's.
      "echo ECS_AWSVPC_BLOCK_IMDS=true >> /etc/ecs/ecs.config",
    );
    const template = new ec2.LaunchTemplate(this, "Instance", {
      machineImage: ecs.EcsOptimizedImage.amazonLinux2023(ecs.AmiHardwareType.GPU),
      instanceType: new ec2.InstanceType(settings.trainerInstances[0] ?? "g6.xlarge"),
      securityGroup: network.programs,
      role,
      userData,
      requireImdsv2: true,
      httpPutResponseHopLimit: 1,
      blockDevices: [
        {
          deviceName: "/dev/xvda",
          volume: ec2.BlockDeviceVolume.ebs(100, {
            encrypted: true,
            volumeType: ec2.EbsDeviceVolumeType.GP3,
          }),
        },
      ],
    });
    const group = new autoscaling.AutoScalingGroup(this, "Spot", {
      vpc: network.vpc,
      vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS },
      minCapacity: 0,
      maxCapacity: settings.maxTrainers,
      mixedInstancesPolicy: {
        launchTemplate: template,
        instancesDistribution: {
          onDemandPercentageAboveBaseCapacity: 0,
          spotAllocationStrategy: autoscaling.SpotAllocationStrategy.PRICE_CAPACITY_OPTIMIZED,
        },
        launchTemplateOverrides: settings.trainerInstances.map((name) => ({
          instanceType: new ec2.InstanceType(name),
        })),
      },
      groupMetrics: [autoscaling.GroupMetrics.all()],
      newInstancesProtectedFromScaleIn: true,
    });
    const provider = new ecs.AsgCapacityProvider(this, "SpotCapacity", {
      autoScalingGroup: group,
      enableManagedScaling: true,
      enableManagedTerminationProtection: true,
      enableManagedDraining: true,
    });
    this.cluster.addAsgCapacityProvider(provider);
    argue(group, "cdk-nag can't read a launch template; the volume above is encrypted.", "AwsSolutions-EC26");
    argue(
      group,
      "Scaling is told by its metrics; a message for each instance that comes and goes would tell nobody anything.",
      "AwsSolutions-AS3",
    );
    argue(
      role,
      "The ECS agent's own rights as CDK gives them: some of its calls take no resource, others tell its tasks' states.",
      "AwsSolutions-IAM5[Resource::*]",
      "AwsSolutions-IAM5[Action::ecs:Submit*]",
    );
    return provider;
  }

  #task(settings: Settings, data: DataStack): ecs.Ec2TaskDefinition {
    const task = new ecs.Ec2TaskDefinition(this, "Task", { networkMode: ecs.NetworkMode.AWS_VPC });
    const linuxParameters = new ecs.LinuxParameters(this, "Linux", { initProcessEnabled: true });
    linuxParameters.addTmpfs({
      containerPath: "/tmp",
      size: 4096,
      mountOptions: [ecs.TmpfsMountOption.RW, ecs.TmpfsMountOption.NOEXEC, ecs.TmpfsMountOption.NOSUID],
    });
    task.addContainer("trainer", {
      image: ecs.ContainerImage.fromAsset(repository, {
        file: "infra/containers/trainer.Dockerfile",
        target: "gpu",
        platform: ecrAssets.Platform.LINUX_AMD64,
      }),
      gpuCount: 1,
      memoryReservationMiB: 12_288,
      // All that the two minutes' notice leaves; a trainer needs a few seconds of it.
      stopTimeout: Duration.seconds(110),
      readonlyRootFilesystem: true,
      linuxParameters,
      logging: ecs.LogDrivers.awsLogs({ streamPrefix: "trainer", logGroup: this.logGroup }),
      environment: {
        NODE_ENV: "production",
        DATA_DIR: "/tmp/maskwright",
        S3_BUCKET: data.bucket.bucketName,
        S3_REGION: this.region,
        DATABASE_SECRET_ARN: data.secret.secretArn,
        TRAINER_DEVICE: "gpu",
      },
    });
    const role = task.taskRole as iam.Role;
    grantSecret(data, role);
    grantObjects(data, role);
    grantPlaces(role, { read: settings.importBuckets, write: [] });
    argue(task, "Names and switches only; the password stays in the secret.", "AwsSolutions-ECS2");
    const execution = task.executionRole;
    if (execution) {
      argue(execution, "ecr:GetAuthorizationToken takes no resource.", "AwsSolutions-IAM5[Resource::*]");
    }
    return task;
  }

  /** As many tasks as there are projects with work; the capacity provider then finds their instances. */
  #scale(settings: Settings): void {
    const counts = Array.from({ length: settings.maxTrainers }, (_, i) => i + 1);
    const scaling = this.service.autoScaleTaskCount({ minCapacity: 0, maxCapacity: settings.maxTrainers });
    scaling.scaleOnMetric("Wanted", {
      metric: trainersWanted,
      adjustmentType: AdjustmentType.EXACT_CAPACITY,
      scalingSteps: [{ upper: 0, change: 0 }, ...counts.map((n) => ({ lower: n, change: n }))],
      cooldown: Duration.minutes(1),
      evaluationPeriods: 1,
    });
  }
}
