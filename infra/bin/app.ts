/** `npx cdk deploy --all -c region=… -c alarmEmail=…`: what cdk runs. */
import { createInstallation } from "../lib/app.ts";

createInstallation(process.env["CDK_DEFAULT_ACCOUNT"]).app.synth();
