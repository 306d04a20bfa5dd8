/**
 * `npm run gpu:check`: encode, decode and train by each way to compute on a GPU that this machine allows, held to the
 * CPU's results of the same run. docs/gpu.md tells what was seen where.
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gpuFacts } from "../../src/training/engine/gpu-facts.ts";
import { usageOr } from "../../src/main/shared/usage.ts";
import type { FromChild } from "./way-child.ts";
import type { Row } from "./measure.ts";
import { tableOf } from "./table.ts";
import { type Way, ways, wayTexts } from "./ways.ts";

usageOr(
  `usage: npm run gpu:check -- [--json] [--rounds N] [--seconds N]
  Runs encode, decode and train on this machine's GPU by each way that it allows, and holds the results to the CPU's.
  --rounds: timed runs of each stage (9); --seconds: for each way, at most (100). Ends with 1 where a result is wrong.`,
  { options: { json: { type: "boolean" }, rounds: { type: "string" }, seconds: { type: "string" } } },
);
const { values: given } = parseArgs({
  options: { json: { type: "boolean" }, rounds: { type: "string" }, seconds: { type: "string" } },
});
const rounds = Number(given.rounds ?? 9);
const seconds = Number(given.seconds ?? 100);

interface WayReport {
  readonly way: Way;
  readonly text: string;
  /** Why the way is not here; null where it is. */
  readonly missing: string | null;
  readonly rows: readonly Row[];
  /** How it ended before its last stage, where it did. */
  readonly broken: string | null;
}

/** Each way in a process of its own: a driver that fails may take its process along. */
async function report(way: Way): Promise<WayReport> {
  const child = fork(fileURLToPath(new URL("way-child.ts", import.meta.url)), [way, String(rounds)], {
    // Drivers write where they like; the table has standard output to itself.
    stdio: ["ignore", 2, 2, "ipc"],
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  const rows: Row[] = [];
  let [missing, stage]: [string | null, string] = [null, "start"];
  let late = false;
  child.on("message", (message: FromChild) => {
    if (message.kind === "missing") missing = message.why;
    if (message.kind === "stage") stage = message.stage;
    if (message.kind === "row") rows.push(message.row);
  });
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, seconds * 1000);
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.once("exit", (...end) => resolve(end));
  });
  clearTimeout(timer);
  const end = late ? `stopped after ${seconds} s` : `ended with ${signal ?? `status ${code}`}`;
  return {
    way,
    text: wayTexts[way],
    missing,
    rows,
    broken: code === 0 ? null : `the process ${end} at ${stage}`,
  };
}

const card = await gpuFacts();
const reports: WayReport[] = [];
for (const way of ways) reports.push(await report(way));
const wrong = reports.some(({ rows, broken }) => broken !== null || rows.some(({ passes }) => !passes));
// Null where nothing ran: that is no pass.
const passes = reports.some(({ rows }) => rows.length > 0) || wrong ? !wrong : null;
if (given.json)
  process.stdout.write(`${JSON.stringify({ card, node: process.version, rounds, passes, ways: reports })}\n`);
else process.stdout.write(tableOf(card, reports));
process.exitCode = wrong ? 1 : 0;
