import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Match, Template } from "aws-cdk-lib/assertions";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { objectPrefixes, readPrefixes } from "../lib/grants.ts";
import { keys } from "../../src/storage/keys.ts";
import { installation } from "./synth.ts";

const outdir = mkdtempSync(join(tmpdir(), "maskwright-cdk-"));
afterAll(() => rmSync(outdir, { recursive: true, force: true }));

let made: ReturnType<typeof installation>;
beforeAll(() => {
  made = installation({}, outdir);
  made.app.synth();
});
const of = (name: "api" | "trainers" | "migrations"): Template => Template.fromStack(made[name]);

interface Statement {
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}
const statementsOf = (template: Template): Statement[] =>
  Object.values(template.findResources("AWS::IAM::Policy")).flatMap(
    ({ Properties }) =>
      (Properties as { PolicyDocument: { Statement: Statement[] } }).PolicyDocument.Statement,
  );

describe("rights", () => {
  it("reach no object outside of the programs' prefixes, and no secret but the database's", () => {
    for (const name of ["api", "trainers", "migrations"] as const) {
      const statements = statementsOf(of(name));
      expect(statements.length).toBeGreaterThan(1);
      for (const { Action, Resource } of statements) {
        const actions = [Action].flat();
        expect(actions).not.toContain("*");
        if (actions.some((action) => action.startsWith("s3:") && action.includes("Object"))) {
          const asText = [Resource].flat().map((one) => JSON.stringify(one));
          const allowed = actions.join() === "s3:GetObject" ? readPrefixes : objectPrefixes;
          expect(asText).toHaveLength(allowed.length);
          for (const prefix of allowed)
            expect(asText.some((text) => text.includes(`/${prefix}"`))).toBe(true);
        }
        if (actions.some((action) => action.startsWith("secretsmanager:"))) {
          expect(actions).toEqual(["secretsmanager:GetSecretValue"]);
          expect(JSON.stringify(Resource)).not.toContain('"*"');
        }
      }
    }
    expect(JSON.stringify(of("migrations").toJSON())).not.toContain("s3:PutObject");
  });

  it("reach every key that the programs make", () => {
    const prefixes = [...objectPrefixes, ...readPrefixes].map((prefix) => prefix.replace(/\*$/, ""));
    const all = Object.values(keys).map((key) =>
      typeof key === "string" ? key : (key as (...words: string[]) => string)("one", "two", "three", "four"),
    );
    expect(all.length).toBeGreaterThan(20);
    expect(all.filter((key) => !prefixes.some((prefix) => key.startsWith(prefix)))).toEqual([]);
  });

  it("reach the places in others' buckets that the settings name, and no other", () => {
    const { api, trainers, app } = installation({
      importBuckets: "scans/2026,shared/{workspace}",
      exportBuckets: "results",
    });
    app.synth();
    const outside = (template: Template): Statement[] =>
      statementsOf(template).filter(({ Resource }) => JSON.stringify(Resource).includes("arn:aws:s3:::"));
    const reading = [
      {
        Action: "s3:ListBucket",
        Condition: { StringLike: { "s3:prefix": ["2026/*"] } },
        Resource: "arn:aws:s3:::scans",
      },
      {
        Action: "s3:ListBucket",
        Condition: { StringLike: { "s3:prefix": ["*/*"] } },
        Resource: "arn:aws:s3:::shared",
      },
      { Action: "s3:GetObject", Resource: ["arn:aws:s3:::scans/2026/*", "arn:aws:s3:::shared/*/*"] },
    ];
    const writing = { Action: ["s3:GetObject", "s3:PutObject"], Resource: "arn:aws:s3:::results/*" };
    expect(outside(Template.fromStack(trainers))).toMatchObject(reading);
    expect(outside(Template.fromStack(api))).toMatchObject([...reading, writing]);
    Template.fromStack(api).hasResourceProperties("AWS::Lambda::Function", {
      Environment: {
        Variables: Match.objectLike({
          IMPORT_BUCKETS: "scans/2026,shared/{workspace}",
          EXPORT_BUCKETS: "results",
        }),
      },
    });
    expect(outside(of("api"))).toEqual([]);
  });
});
