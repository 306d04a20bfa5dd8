import { App, type AppProps, Tags, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { AlarmsStack } from "./alarms-stack.ts";
import { ApiStack } from "./api-stack.ts";
import { BudgetStack } from "./budget-stack.ts";
import { DashboardStack } from "./dashboard-stack.ts";
import { DataStack } from "./data-stack.ts";
import { MigrationsStack } from "./migrations-stack.ts";
import { NetworkStack } from "./network-stack.ts";
import { readSettings, settingsSchema } from "./settings.ts";
import { TrainersStack } from "./trainers-stack.ts";

/**
 * All stacks of one installation, in the order in which they are deployed, with cdk-nag's checks on all of them. The
 * settings are taken from cdk's context (`-c name=value`), and the account from its profile where it is not given.
 */
export function createInstallation(profileAccount?: string, props: AppProps = {}) {
  const app = new App(props);
  const inContext = Object.keys(settingsSchema.shape).map((name) => [
    name,
    app.node.tryGetContext(name) as unknown,
  ]);
  const given = Object.fromEntries(inContext.filter(([, value]) => value !== undefined)) as object;
  const settings = readSettings({ ...(profileAccount && { account: profileAccount }), ...given });
  const { account, region, prefix } = settings;
  const env = { region, ...(account !== undefined && { account }) };
  const common = { env, settings };
  const network = new NetworkStack(app, `${prefix}Network`, common);
  const data = new DataStack(app, `${prefix}Data`, { ...common, network });
  const migrations = new MigrationsStack(app, `${prefix}Migrations`, { ...common, network, data });
  const api = new ApiStack(app, `${prefix}Api`, { ...common, network, data });
  const trainers = new TrainersStack(app, `${prefix}Trainers`, { ...common, network, data });
  // New code finds the new schema; old code, still running, survives it (docs/operations.md, Upgrades).
  api.addStackDependency(migrations);
  trainers.addStackDependency(migrations);
  const alarms = new AlarmsStack(app, `${prefix}Alarms`, { ...common, api, data, trainers });
  const dashboard = new DashboardStack(app, `${prefix}Dashboard`, { ...common, api, data, trainers, alarms });
  const budget = new BudgetStack(app, `${prefix}Budget`, common);
  // Two kinds of resource are newer as bearers of tags than most validators of templates.
  const excludeResourceTypes = ["AWS::CloudWatch::Dashboard", "AWS::ApplicationAutoScaling::ScalableTarget"];
  Tags.of(app).add("application", prefix, { excludeResourceTypes });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return { app, network, data, migrations, api, trainers, alarms, dashboard, budget };
}
