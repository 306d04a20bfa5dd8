import { Stack, type StackProps } from "aws-cdk-lib";
import * as budgets from "aws-cdk-lib/aws-budgets";
import type { Construct } from "constructs";
import type { Settings } from "./settings.ts";

/** Tells by mail when a month's costs pass four fifths of the budget, or are forecast to pass all of it. */
export class BudgetStack extends Stack {
  constructor(scope: Construct, id: string, props: StackProps & { settings: Settings }) {
    super(scope, id, props);
    const { alarmEmail, monthlyBudget } = props.settings;
    const tell = (notificationType: "ACTUAL" | "FORECASTED", threshold: number) => ({
      notification: {
        notificationType,
        threshold,
        thresholdType: "PERCENTAGE",
        comparisonOperator: "GREATER_THAN",
      },
      subscribers: [{ subscriptionType: "EMAIL", address: alarmEmail ?? "" }],
    });
    new budgets.CfnBudget(this, "Monthly", {
      budget: {
        budgetType: "COST",
        timeUnit: "MONTHLY",
        budgetLimit: { amount: monthlyBudget, unit: "USD" },
        costFilters: { TagKeyValue: [`user:application$${props.settings.prefix}`] },
      },
      ...(alarmEmail !== undefined && {
        notificationsWithSubscribers: [tell("ACTUAL", 80), tell("FORECASTED", 100)],
      }),
    });
  }
}
