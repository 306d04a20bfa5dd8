import type { Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import { argue } from "./argue.ts";
import type { DataStack } from "./data-stack.ts";

/** Every key that src/storage/keys.ts makes lies below one of these or of readPrefixes, but for the probe of /readyz. */
export const objectPrefixes = ["projects/*", "workspaces/*", "maskwright-check"];
/** What is read alone: base models are brought and removed by whoever runs the installation. */
export const readPrefixes = ["base-models/*"];

/** Objects may be read, written and removed below the prefixes that the programs use, and listed. */
export function grantObjects(data: DataStack, role: iam.Role): void {
  const { bucket, key } = data;
  const policy = new iam.Policy(role.node.scope ?? role, `${role.node.id}Objects`, {
    statements: [
      new iam.PolicyStatement({
        actions: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
        resources: objectPrefixes.map((prefix) => bucket.arnForObjects(prefix)),
      }),
      new iam.PolicyStatement({
        actions: ["s3:GetObject"],
        resources: readPrefixes.map((prefix) => bucket.arnForObjects(prefix)),
      }),
      new iam.PolicyStatement({ actions: ["s3:ListBucket"], resources: [bucket.bucketArn] }),
      new iam.PolicyStatement({ actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: [key.keyArn] }),
    ],
  });
  policy.attachToRole(role);
  argue(
    policy,
    "Objects have no names before they are written: the wildcards end what the programs write below.",
    ...[...objectPrefixes, ...readPrefixes]
      .filter((prefix) => prefix.endsWith("*"))
      .map((prefix) => `AwsSolutions-IAM5[Resource::${exportOf(data, bucket.bucketArn)}/${prefix}]`),
  );
}

/** Places in others' buckets (`bucket` or `bucket/folder`), as IMPORT_BUCKETS and EXPORT_BUCKETS hold them. */
export interface Places {
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/**
 * Others' objects may be listed and read, or read and written, at these places and below; `{workspace}` is any. Whoever owns
 * a bucket of another account, or a key that encrypts one, has to let the role in as well.
 */
export function grantPlaces(role: iam.Role, { read, write }: Places): void {
  if (read.length + write.length === 0) return;
  const below = (place: string): string => `arn:aws:s3:::${place.replaceAll("{workspace}", "*")}/*`;
  const listed = read.map((place) => {
    const [bucket = "", ...folder] = place.replaceAll("{workspace}", "*").split("/");
    return new iam.PolicyStatement({
      actions: ["s3:ListBucket"],
      resources: [`arn:aws:s3:::${bucket}`],
      ...(folder.length > 0 && {
        conditions: { StringLike: { "s3:prefix": [`${folder.join("/")}/*`] } },
      }),
    });
  });
  const given = (actions: string[], places: readonly string[]): iam.PolicyStatement[] =>
    places.length === 0 ? [] : [new iam.PolicyStatement({ actions, resources: places.map(below) })];
  const policy = new iam.Policy(role.node.scope ?? role, `${role.node.id}Places`, {
    statements: [
      ...listed,
      ...given(["s3:GetObject"], read),
      ...given(["s3:GetObject", "s3:PutObject"], write),
    ],
  });
  policy.attachToRole(role);
  argue(
    policy,
    "The settings name the places; what lies below has names of its own.",
    ...new Set([...read, ...write].map((place) => `AwsSolutions-IAM5[Resource::${below(place)}]`)),
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
