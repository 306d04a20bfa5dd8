import { CfnResource, type Stack } from "aws-cdk-lib";
import { argue } from "./argue.ts";

/** CDK brings the functions behind its own custom resources; their role and runtime are CDK's to keep. */
export function argueProvider(stack: Stack): void {
  const reason =
    "A function of CDK's own, which runs during deployments only and calls one function of this stack.";
  for (const child of stack.node.findAll()) {
    if (
      !(child instanceof CfnResource) ||
      !/CustomResourceProvider|CustomResourceProviderRole/.test(child.node.path)
    )
      continue;
    argue(
      child,
      reason,
      "AwsSolutions-L1",
      "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]",
      "AwsSolutions-IAM5[Resource::<Migrate.Arn>:*]",
    );
  }
}
