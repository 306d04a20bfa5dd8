import type { Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import { argue } from "./argue.ts";
import type { DataStack } from "./data-stack.ts";

/** Every key that src/storage/keys.ts makes lies below one of these, but for the probe of /readyz. */
export const objectPrefixes = ["projects/*", "workspaces/*", "maskwright-check"];

/** Objects may be read, written and removed below the prefixes that the programs use, and listed. */
export function grantObjects(data: DataStack, role: iam.Role): void {
  const { bucket, key } = data;
  const policy = new iam.Policy(role.node.scope ?? role, `${role.node.id}Objects`, {
    statements: [
      new iam.PolicyStatement({
        actions: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
        resources: objectPrefixes.map((prefix) => bucket.arnForObjects(prefix)),
      }),
      new iam.PolicyStatement({ actions: ["s3:ListBucket"], resources: [bucket.bucketArn] }),
      new iam.PolicyStatement({ actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: [key.keyArn] }),
    ],
  });
  policy.attachToRole(role);
  argue(
    policy,
    "Objects have no names before they are written: the wildcards end what the programs write below.",
    ...objectPrefixes
      .filter((prefix) => prefix.endsWith("*"))
      .map((prefix) => `AwsSolutions-IAM5[Resource::${exportOf(data, bucket.bucketArn)}/${prefix}]`),
  );
}

/** The name under which another stack finds a value of this one: cdk-nag tells its findings by it. */
function exportOf(stack: Stack, value: string): string {
  const imported = stack.resolve(stack.exportValue(value)) as { "Fn::ImportValue": string };
  return imported["Fn::ImportValue"];
}

/** The database's secret may be read. Said here and not in the key's own policy, which would bind the stacks in a ring. */
export function grantSecret({ secret, key }: DataStack, role: iam.Role): void {
  const policy = new iam.Policy(role.node.scope ?? role, `${role.node.id}Secret`, {
    statements: [
      new iam.PolicyStatement({ actions: ["secretsmanager:GetSecretValue"], resources: [secret.secretArn] }),
      new iam.PolicyStatement({ actions: ["kms:Decrypt"], resources: [key.keyArn] }),
    ],
  });
  policy.attachToRole(role);
}
