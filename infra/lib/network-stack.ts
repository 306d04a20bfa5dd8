import { RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as logs from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { argue } from "./argue.ts";
import type { Settings } from "./settings.ts";

export const databasePort = 5432;

/** Who may talk to whom: programs to the database and to the outside over TLS, and nobody to the programs. */
export class NetworkStack extends Stack {
  readonly vpc: ec2.Vpc;
  /** One group for the API, its small jobs and the trainers: none listens. */
  readonly programs: ec2.SecurityGroup;
  readonly database: ec2.SecurityGroup;

  constructor(scope: Construct, id: string, props: StackProps & { settings: Settings }) {
    super(scope, id, props);
    const flows = new logs.LogGroup(this, "Flows", {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.vpc = new ec2.Vpc(this, "Vpc", {
      ipAddresses: ec2.IpAddresses.cidr("10.40.0.0/16"),
      availabilityZones: props.settings.availabilityZones,
      natGateways: 1,
      subnetConfiguration: [
        { name: "public", subnetType: ec2.SubnetType.PUBLIC, cidrMask: 24, mapPublicIpOnLaunch: false },
        { name: "programs", subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 20 },
        { name: "data", subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 24 },
      ],
      // Objects never pass the NAT gateway, which charges by the byte.
      gatewayEndpoints: { S3: { service: ec2.GatewayVpcEndpointAwsService.S3 } },
      flowLogs: { all: { destination: ec2.FlowLogDestination.toCloudWatchLogs(flows) } },
    });
    const { vpc } = this;
    this.programs = new ec2.SecurityGroup(this, "Programs", {
      vpc,
      description: "API, its small jobs and trainers: nothing comes in",
      allowAllOutbound: false,
    });
    this.database = new ec2.SecurityGroup(this, "Database", {
      vpc,
      description: "The database: the programs come in, nothing goes out",
      allowAllOutbound: false,
    });
    this.programs.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), "AWS APIs and the image registry");
    this.programs.connections.allowTo(this.database, ec2.Port.tcp(databasePort), "Postgres");
    argue(
      this.vpc,
      "One NAT gateway serves both zones: what it carries (AWS APIs, image pulls) can wait for another zone.",
      "AwsSolutions-VPC3",
    );
  }
}
