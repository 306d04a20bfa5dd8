/**
 * What a Lambda instance costs before its first answer: `node bench/cold-start.ts [runs]`. Each run is a new process
 * that imports the handler, builds the services, and answers /healthz and /readyz, on an embedded Postgres that runs
 * already. Prints the median of each, in milliseconds from the process's start.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedPostgres } from "../src/db/embedded.ts";
import { migrate } from "../src/db/migrate.ts";
import { createLog } from "../src/lib/log.ts";
import { usageOr } from "../src/main/usage.ts";

usageOr(
  "usage: node bench/cold-start.ts [RUNS]\n  What a Lambda instance costs before its first answer, the median of RUNS (7).",
  {
    words: { least: 0, most: 1 },
  },
);

const child = `
  const at = () => Math.round(performance.now());
  const times = { node: at() };
  const { createLambda } = await import("./src/main/lambda-api.ts");
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

const runs = Number(process.argv[2] ?? 7);
const folder = mkdtempSync(join(tmpdir(), "maskwright-cold-"));
const server = await startEmbeddedPostgres({
  dataDir: join(folder, "data"),
  log: createLog({ level: "silent", name: "bench" }),
});
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
    const all = Array.from({ length: runs + 1 }, () => {
      const args = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", child];
      return JSON.parse(execFileSync(process.execPath, args, { env, encoding: "utf8" })) as Record<
        string,
        number
      >;
    }).slice(1);
    const median = (name: string): number =>
      all.map((times) => times[name] ?? 0).toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0;
    const text = Object.keys(all[0] ?? {}).map((name) => `${name} ${median(name)}`);
    process.stdout.write(
      `${cached ? "with a compile cache" : "without a compile cache"}: ${text.join(", ")}\n`,
    );
  }
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
