import { Duration, Stack, type StackProps } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import type { Construct } from "constructs";
import type { AlarmsStack } from "./alarms-stack.ts";
import type { ApiStack } from "./api-stack.ts";
import type { DataStack } from "./data-stack.ts";
import { trainersWanted, type TrainersStack } from "./trainers-stack.ts";

/** One page: what callers feel, what waits, what the database bears. */
export class DashboardStack extends Stack {
  constructor(
    scope: Construct,
    id: string,
    props: StackProps & { api: ApiStack; data: DataStack; trainers: TrainersStack; alarms: AlarmsStack },
  ) {
    super(scope, id, props);
    const { data, trainers, alarms } = props;
    const api = props.api.api;
    const period = Duration.minutes(1);
    const graph = (title: string, ...left: cloudwatch.IMetric[]): cloudwatch.GraphWidget =>
      new cloudwatch.GraphWidget({ title, left, width: 8, height: 6, period });
    new cloudwatch.Dashboard(this, "Dashboard", {
      dashboardName: `${this.stackName}-${this.region}`,
      defaultInterval: Duration.hours(6),
      widgets: [
        [new cloudwatch.AlarmStatusWidget({ title: "Alarms", alarms: alarms.alarms, width: 24, height: 3 })],
        [
          graph("Requests and failures", api.metricInvocations(), api.metricErrors(), api.metricThrottles()),
          graph(
            "Milliseconds an answer",
            api.metricDuration({ statistic: "p50" }),
            api.metricDuration({ statistic: "p99" }),
          ),
          graph("Instances at work", api.metric("ConcurrentExecutions", { statistic: "Maximum" })),
        ],
        [
          graph("Trainers wanted", trainersWanted),
          graph(
            "Use of the trainers' machines, percent",
            trainers.service.metricCpuUtilization(),
            trainers.service.metricMemoryUtilization(),
          ),
          new cloudwatch.LogQueryWidget({
            title: "The trainers' last warnings",
            logGroupNames: [trainers.logGroup.logGroupName],
            queryLines: [
              "fields @timestamp, msg, fine_tune, err.message",
              "filter level >= 40",
              "sort @timestamp desc",
              "limit 20",
            ],
            width: 8,
            height: 6,
          }),
        ],
        [
          graph("The database's size, percent of the largest", data.cluster.metricACUUtilization()),
          graph("Connections", data.cluster.metricDatabaseConnections()),
          graph("Seconds a commit", data.cluster.metric("CommitLatency", { statistic: "p99" })),
        ],
      ],
    });
  }
}
