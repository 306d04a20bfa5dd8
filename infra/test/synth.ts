import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInstallation } from "../lib/app.ts";

const { context } = JSON.parse(readFileSync(join(import.meta.dirname, "../cdk.json"), "utf8")) as {
  context: Record<string, unknown>;
};

/** The stacks as `cdk synth` makes them, with the settings given as on its command line; nothing is looked up. */
export const installation = (settings: Record<string, string> = {}, outdir?: string) =>
  createInstallation("111111111111", {
    context: { ...context, alarmEmail: "ops@example.com", ...settings },
    ...(outdir !== undefined && { outdir }),
  });
