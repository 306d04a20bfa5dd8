import { Duration, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import * as actions from "aws-cdk-lib/aws-cloudwatch-actions";
import * as iam from "aws-cdk-lib/aws-iam";
import * as kms from "aws-cdk-lib/aws-kms";
import * as logs from "aws-cdk-lib/aws-logs";
import * as sns from "aws-cdk-lib/aws-sns";
import * as subscriptions from "aws-cdk-lib/aws-sns-subscriptions";
import type { Construct } from "constructs";
import type { ApiStack } from "./api-stack.ts";
import type { DataStack } from "./data-stack.ts";
import type { Settings } from "./settings.ts";
import { trainersWanted, type TrainersStack } from "./trainers-stack.ts";

interface Rule {
  readonly id: string;
  /** What whoever is woken reads first: what it means and where docs/operations.md goes on. */
  readonly says: string;
  readonly metric: cloudwatch.IMetric;
  readonly above: number;
  /** Minutes, of which all have to be so. */
  readonly minutes: number;
}

/** What somebody must be told of. Each alarm has its heading in docs/operations.md. */
export class AlarmsStack extends Stack {
  readonly alarms: cloudwatch.Alarm[];
  readonly topic: sns.Topic;

  constructor(
    scope: Construct,
    id: string,
    props: StackProps & { settings: Settings; api: ApiStack; data: DataStack; trainers: TrainersStack },
  ) {
    super(scope, id, props);
    const { alarmEmail } = props.settings;
    const key = new kms.Key(this, "Key", {
      description: "Alarms on their way",
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    key.grantEncryptDecrypt(new iam.ServicePrincipal("cloudwatch.amazonaws.com"));
    this.topic = new sns.Topic(this, "Alarms", { masterKey: key, enforceSSL: true });
    if (alarmEmail !== undefined) this.topic.addSubscription(new subscriptions.EmailSubscription(alarmEmail));
    this.alarms = this.#rules(props).map((rule) => this.#alarm(rule));
  }

  #rules({
    settings,
    api,
    data,
    trainers,
  }: {
    settings: Settings;
    api: ApiStack;
    data: DataStack;
    trainers: TrainersStack;
  }): Rule[] {
    const minute = Duration.minutes(1);
    const running = new cloudwatch.Metric({
      namespace: "ECS/ContainerInsights",
      metricName: "RunningTaskCount",
      dimensionsMap: {
        ClusterName: trainers.cluster.clusterName,
        ServiceName: trainers.service.serviceName,
      },
      statistic: "Minimum",
      period: minute,
    });
    const failedForGood = new logs.MetricFilter(this, "FailedForGood", {
      logGroup: trainers.logGroup,
      metricNamespace: "Maskwright",
      metricName: "JobsFailedForGood",
      filterPattern: logs.FilterPattern.stringValue("$.msg", "=", "a job has failed for good"),
      metricValue: "1",
      defaultValue: 0,
    });
    return [
      {
        id: "ApiErrors",
        says: "The API fails: more than 5 invocations in a minute ended with an error. See 'The API fails'.",
        metric: api.api.metricErrors({ period: minute, statistic: "Sum" }),
        above: 5,
        minutes: 3,
      },
      {
        id: "ApiThrottles",
        says: "The API turns requests away: every instance that is allowed works. See 'The API is full'.",
        metric: api.api.metricThrottles({ period: minute, statistic: "Sum" }),
        above: 0,
        minutes: 5,
      },
      {
        id: "ApiSlow",
        says: "One answer in a hundred takes more than 20 seconds. See 'The API is slow'.",
        metric: api.api.metricDuration({ period: Duration.minutes(5), statistic: "p99" }),
        above: 20_000,
        minutes: 15,
      },
      {
        id: "DatabaseFull",
        says: "The database works at its largest size. See 'The database is full'.",
        metric: data.cluster.metricACUUtilization({ period: minute, statistic: "Average" }),
        above: 90,
        minutes: 15,
      },
      {
        id: "DatabaseConnections",
        says: "The database has nearly as many connections as it takes. See 'The database is full'.",
        metric: data.cluster.metricDatabaseConnections({ period: minute, statistic: "Maximum" }),
        above: connectionsAt(settings.databaseMaxCapacity) * 0.8,
        minutes: 5,
      },
      {
        id: "NobodyTrains",
        says: "Fine-tunes have waited for half an hour and no trainer runs. See 'Nothing trains'.",
        metric: new cloudwatch.MathExpression({
          expression: "IF(wanted > 0 AND FILL(running, 0) < 1, 1, 0)",
          usingMetrics: { wanted: trainersWanted, running },
          period: minute,
          label: "waiting, and no trainer",
        }),
        above: 0,
        minutes: 30,
      },
      {
        id: "QueueUnknown",
        says: "Nobody counts the queue, so trainers no longer follow it. See 'Nothing trains'.",
        metric: trainers.queueDepth.metricErrors({ period: minute, statistic: "Sum" }),
        above: 0,
        minutes: 5,
      },
      {
        id: "JobsFail",
        says: "A job has failed for good, after every retry. See 'A job fails'.",
        metric: failedForGood.metric({ period: Duration.minutes(5), statistic: "Sum" }),
        above: 0,
        minutes: 5,
      },
    ];
  }

  #alarm({ id, says, metric, above, minutes }: Rule): cloudwatch.Alarm {
    const period = metric instanceof cloudwatch.Metric ? metric.period.toMinutes() : 1;
    const alarm = new cloudwatch.Alarm(this, id, {
      metric,
      alarmDescription: says,
      threshold: above,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: Math.ceil(minutes / period),
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new actions.SnsAction(this.topic));
    alarm.addOkAction(new actions.SnsAction(this.topic));
    return alarm;
  }
}

/** Postgres' default for Aurora: a connection for each 9.5 MB of memory, at most 5000. */
export const connectionsAt = (capacity: number): number =>
  Math.min(5000, Math.floor((capacity * 2 * 1024 ** 3) / 9_531_392));
