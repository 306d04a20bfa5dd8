import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { openFineTune } from "../../src/domain/job-states.ts";

const folder = join(import.meta.dirname, "../kubernetes");

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  [field: string]: unknown;
}

const files = readdirSync(folder).filter((file) => file.endsWith(".yaml"));
const manifests = files
  .filter((file) => file !== "kustomization.yaml")
  .flatMap((file) =>
    parseAllDocuments(readFileSync(join(folder, file), "utf8")).map(
      (document) => [file, document.toJS() as Manifest] as const,
    ),
  );

interface Checked {
  validate(): void;
}

/** The model that was generated from Kubernetes' own OpenAPI schema, or from KEDA's resource definition. */
async function modelOf({ apiVersion, kind }: Manifest): Promise<new (data: Manifest) => Checked> {
  const of = apiVersion.startsWith("keda.sh/") ? "@kubernetes-models/keda" : "kubernetes-models";
  const models = (await import(`${of}/${apiVersion}/${kind}`)) as Record<
    string,
    new (data: Manifest) => Checked
  >;
  return models[kind] as new (data: Manifest) => Checked;
}

describe("the Kubernetes manifests", () => {
  it.each(
    manifests.map(
      ([file, manifest]) => [`${file}: ${manifest.kind} ${manifest.metadata.name}`, manifest] as const,
    ),
  )("fit their schemas: %s", async (_name, manifest) => {
    const Model = await modelOf(manifest);
    new Model(manifest).validate();
  });

  // The schemas let unknown fields through, and so would the API server, which drops them; types do not.
  it("name no field that there is not", () => {
    const out = join(import.meta.dirname, "../node_modules/.manifests");
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out);
    const source = manifests.map(([, manifest], i) => {
      const of = manifest.apiVersion.startsWith("keda.sh/") ? "@kubernetes-models/keda" : "kubernetes-models";
      const type = `I${manifest.kind}`;
      return (
        `import type { ${type} as T${i} } from "${of}/${manifest.apiVersion}/${manifest.kind}";\n` +
        `export const m${i}: T${i} = ${JSON.stringify(manifest, null, 1)};\n`
      );
    });
    const check = (name: string, text: string): string => {
      writeFileSync(join(out, `${name}.ts`), text);
      const tsc = join(import.meta.dirname, "../../node_modules/typescript/bin/tsc");
      const args = [
        tsc,
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--ignoreConfig",
        "--module",
        "nodenext",
        "--target",
        "es2022",
        `${name}.ts`,
      ];
      return spawnSync(process.execPath, args, { cwd: out, encoding: "utf8" }).stdout;
    };
    expect(check("manifests", source.join(""))).toBe("");
    const deployment = source.find((text) => text.includes("IDeployment as")) ?? "";
    expect(check("misspelt", deployment.replace('"replicas"', '"replicaz"'))).toContain("replicaz");
  });

  it("scale trainers by the very number that the programs count", async () => {
    const scaled = manifests.find(([, { kind }]) => kind === "ScaledObject")?.[1] as unknown as {
      spec: { triggers: { metadata: { query: string } }[] };
    };
    const query = scaled.spec.triggers[0]?.metadata.query ?? "";
    expect(query).toContain(
      `from fine_tunes where status in (${openFineTune.map((status) => `'${status}'`).join(", ")})`,
    );
  });

  it("mount nothing as root, and stop within a spot node's notice", () => {
    for (const [file, manifest] of manifests) {
      const text = JSON.stringify(manifest);
      if (!text.includes('"containers"')) continue;
      expect(text, file).toContain('"runAsNonRoot":true');
      expect(text, file).toContain('"allowPrivilegeEscalation":false');
      expect(text, file).toContain('"readOnlyRootFilesystem":true');
      const grace = Number(/"terminationGracePeriodSeconds":(\d+)/.exec(text)?.[1] ?? 30);
      expect(grace, file).toBeLessThan(120);
    }
  });
});
