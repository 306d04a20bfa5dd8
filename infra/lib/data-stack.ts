import { Duration, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import type * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ec2Lib from "aws-cdk-lib/aws-ec2";
import * as kms from "aws-cdk-lib/aws-kms";
import * as rds from "aws-cdk-lib/aws-rds";
import * as s3 from "aws-cdk-lib/aws-s3";
import type { ISecret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { argue } from "./argue.ts";
import type { NetworkStack } from "./network-stack.ts";
import type { Settings } from "./settings.ts";

const databaseName = "maskwright";

/** All that must not be lost: Postgres and the objects, encrypted with one key, kept when the stack goes. */
export class DataStack extends Stack {
  readonly cluster: rds.DatabaseCluster;
  readonly bucket: s3.Bucket;
  /** username, password, host, port and dbname, as src/main/shared/database-url.ts reads them. */
  readonly secret: ISecret;
  readonly key: kms.Key;

  constructor(
    scope: Construct,
    id: string,
    props: StackProps & { settings: Settings; network: NetworkStack },
  ) {
    super(scope, id, props);
    const { settings, network } = props;
    this.key = new kms.Key(this, "Key", {
      description: "Database, objects and secrets",
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.bucket = this.#bucket(settings);
    const created = this.#cluster(settings, network.vpc, network.database);
    this.cluster = created.cluster;
    this.secret = created.secret;
  }

  #bucket(settings: Settings): s3.Bucket {
    const shared = {
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy: RemovalPolicy.RETAIN,
    };
    const accessLogs = new s3.Bucket(this, "AccessLogs", {
      ...shared,
      encryption: s3.BucketEncryption.S3_MANAGED,
      lifecycleRules: [{ id: "a-quarter", expiration: Duration.days(90) }],
    });
    argue(accessLogs, "These are the access logs; logging them too would never end.", "AwsSolutions-S1");
    return new s3.Bucket(this, "Objects", {
      ...shared,
      encryption: s3.BucketEncryption.KMS,
      encryptionKey: this.key,
      bucketKeyEnabled: true,
      // A deleted object can be brought back for as long as the database can be set back to where it names it.
      versioned: true,
      serverAccessLogsBucket: accessLogs,
      serverAccessLogsPrefix: "objects/",
      lifecycleRules: [
        { id: "broken-uploads", abortIncompleteMultipartUploadAfter: Duration.days(1) },
        {
          id: "deleted-objects",
          noncurrentVersionExpiration: Duration.days(settings.backupDays),
          expiredObjectDeleteMarker: true,
        },
        {
          id: "what-is-seldom-read",
          transitions: [
            { storageClass: s3.StorageClass.INTELLIGENT_TIERING, transitionAfter: Duration.days(30) },
          ],
        },
      ],
    });
  }

  #cluster(
    settings: Settings,
    vpc: ec2.IVpc,
    securityGroup: ec2.SecurityGroup,
  ): { cluster: rds.DatabaseCluster; secret: ISecret } {
    const engine = rds.DatabaseClusterEngine.auroraPostgres({
      version: rds.AuroraPostgresEngineVersion.VER_17_6,
    });
    const insights = { enablePerformanceInsights: true, performanceInsightEncryptionKey: this.key };
    const cluster = new rds.DatabaseCluster(this, "Postgres", {
      engine,
      vpc,
      vpcSubnets: { subnetType: ec2Lib.SubnetType.PRIVATE_ISOLATED },
      securityGroups: [securityGroup],
      defaultDatabaseName: databaseName,
      credentials: rds.Credentials.fromGeneratedSecret("maskwright", { encryptionKey: this.key }),
      serverlessV2MinCapacity: settings.databaseMinCapacity,
      serverlessV2MaxCapacity: settings.databaseMaxCapacity,
      writer: rds.ClusterInstance.serverlessV2("writer", insights),
      readers: settings.databaseReader
        ? [rds.ClusterInstance.serverlessV2("reader", { ...insights, scaleWithWriter: true })]
        : [],
      parameterGroup: new rds.ParameterGroup(this, "Parameters", {
        engine,
        description: "TLS only; a transaction that nobody ends is ended",
        parameters: { "rds.force_ssl": "1", idle_in_transaction_session_timeout: "600000" },
      }),
      storageEncrypted: true,
      storageEncryptionKey: this.key,
      backup: { retention: Duration.days(settings.backupDays), preferredWindow: "02:00-03:00" },
      copyTagsToSnapshot: true,
      deletionProtection: true,
      removalPolicy: RemovalPolicy.SNAPSHOT,
      cloudwatchLogsExports: ["postgresql"],
      // Not the default port would hide nothing: the subnets have no way out or in.
      port: 5432,
    });
    const { secret } = cluster;
    if (!secret) throw new Error("the cluster was made without a secret");
    argue(
      cluster,
      "Programs read the secret when they start: docs/operations.md rotates it together with a roll-out.",
      "AwsSolutions-SMG4",
    );
    argue(
      cluster,
      "Programs log in with the generated secret, which Lambda, ECS and pg-boss can all use; the network lets nobody else in.",
      "AwsSolutions-RDS6",
    );
    argue(cluster, "The subnets are isolated, so another port would protect nothing.", "AwsSolutions-RDS11");
    return { cluster, secret };
  }
}
