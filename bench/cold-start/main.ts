import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startEmbeddedPostgres } from "../../src/db/embedded.ts";
import { migrate } from "../../src/db/migrate.ts";
import { createLog } from "../../src/lib/log.ts";
import { median } from "../lib/statistics.ts";
import type { ColdStartOptions } from "./options.ts";

const child = `
  const at = () => Math.round(performance.now());
  const times = { node: at() };
  const { createLambda } = await import("./src/main/shared/lambda-api.ts");
  const { readConfig } = await import("./src/config.ts");
  times.imported = at();
  const { handler, services } = await createLambda(readConfig());
  times.built = at();
  const event = (path) => ({ version: "2.0", rawPath: path, rawQueryString: "", headers: {},
    requestContext: { domainName: "x.on.aws", http: { method: "GET", path } }, isBase64Encoded: false });
  const health = await handler(event("/healthz"));
  times.healthz = at();
  const ready = await handler(event("/readyz"));
  times.readyz = at();
  if (health.statusCode !== 200 || ready.statusCode !== 200) throw new Error(health.body + ready.body);
  console.log(JSON.stringify(times));
  await services.close();`;

const root = resolve(import.meta.dirname, "../..");

/**
 * What a Lambda instance costs before its first answer. Each run is a new process that imports the handler, builds the
 * services, and answers /healthz and /readyz, on an embedded Postgres that runs already. Prints the median of each, in
 * milliseconds from the process's start.
 */
export async function main({ runs }: ColdStartOptions): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "maskwright-cold-"));
  const server = await startEmbeddedPostgres({
    dataDir: join(folder, "data"),
    log: createLog({ level: "silent", name: "bench" }),
  });
  const once = (env: NodeJS.ProcessEnv): Record<string, number> => {
    const args = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", child];
    const printed = execFileSync(process.execPath, args, { cwd: root, env, encoding: "utf8" });
    return JSON.parse(printed) as Record<string, number>;
  };
  try {
    await migrate(server.url);
    for (const cached of [false, true]) {
      const env = {
        ...process.env,
        DATABASE_URL: server.url,
        DATA_DIR: folder,
        LOG_LEVEL: "silent",
        ...(cached && { NODE_COMPILE_CACHE: join(folder, "compiled") }),
      };
      const [, ...all] = Array.from({ length: runs + 1 }, () => once(env));
      const middle = (name: string): number => median(all.map((times) => times[name] ?? 0));
      const text = Object.keys(all[0] ?? {}).map((name) => `${name} ${middle(name)}`);
      process.stdout.write(`${cached ? "with" : "without"} a compile cache: ${text.join(", ")}\n`);
    }
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return 0;
}
