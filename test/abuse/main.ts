/** npm run test:abuse: what no single request, nor eight at once, may do to the service; see options.ts. */
import { messageOf } from "../../src/lib/errors.ts";
import { readOptions, usage } from "./options.ts";
import { quotaNames, runQuotas } from "./quotas.ts";
import {
  countsOf,
  quotaLine,
  type QuotaRun,
  quotaTable,
  Results,
  type Run,
  runLine,
  runTable,
  seenNow,
} from "./report.ts";
import { rows } from "./rows/index.ts";
import { Runner } from "./runner.ts";
import type { Row } from "./types.ts";

/** Tries at most of a row that fails by silence or memory alone. */
const mostTries = 3;

if (process.argv.includes("--help")) {
  process.stdout.write(usage);
  process.exit();
}
const options = readOptions(process.argv.slice(2));
process.exitCode = options ? await main(options) : fail();

function fail(): number {
  process.stderr.write(usage);
  return 2;
}

/** What could not be sent, or not be seen to its end. */
function notRun({ kind, name }: Row, atOnce: number, error: unknown): Run {
  const faults = [`not run: ${messageOf(error)}`];
  return {
    kind,
    name,
    atOnce,
    answers: [],
    silentMs: 0,
    lateMs: 0,
    aboveRestBytes: 0,
    service: "gone",
    faults,
    seen: seenNow(),
  };
}

/**
 * Silence alone may be the machine's, which is busy with something else, and memory what the rows before have left: such
 * a row has two more tries, on a fresh service where it was memory.
 */
async function runAgain(runner: Runner, run: () => Promise<Run>): Promise<Run> {
  for (let tries = 1; ; tries++) {
    const got = await run();
    const faults = got.faults.filter((fault) => !fault.startsWith("silent"));
    const ofMemory = faults.filter((fault) => fault.includes("above rest"));
    if (got.faults.length === 0 || faults.length > ofMemory.length || tries === mostTries)
      return { ...got, tries };
    if (ofMemory.length > 0) await runner.drop();
  }
}

async function main(asked: NonNullable<typeof options>): Promise<number> {
  const wanted = (text: string): boolean =>
    asked.only.length === 0 || asked.only.some((part) => text.includes(part));
  const chosen = rows.filter((row) => wanted(`${row.kind}: ${row.name}`));
  const say = (line: string): void => void (asked.json ? process.stderr : process.stdout).write(`${line}\n`);
  if (asked.list) {
    for (const { kind, name } of chosen) say(`${kind}: ${name}`);
    return 0;
  }
  const results = await Results.read();
  const runs: Run[] = [];
  const quotas: QuotaRun[] = [];
  const runner = await Runner.open(asked.data);
  let closing: Promise<void> | undefined;
  // npm and its shell pass the signal on, each once more.
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => void (closing ??= runner.close().finally(() => process.exit(1))));
  try {
    const left = chosen
      .flatMap((row) => countsOf(row).map((atOnce) => ({ row, atOnce, once: row.times ?? 1 })))
      .filter(({ atOnce, once }) => !(asked.eight && atOnce === once) && !(asked.single && atOnce !== once))
      .filter(({ row, atOnce }) => !(asked.continue && results.isClean({ ...row, atOnce })));
    for (const [i, { row, atOnce }] of left.entries()) {
      const run = await runAgain(runner, () =>
        runner.run(row, atOnce).catch((error: unknown) => notRun(row, atOnce, error)),
      );
      runs.push(run);
      // Whoever stops the program midway learns nothing of the row.
      if (run.answers.length > 0) results.keep(run);
      if (asked.write) await results.write(rows, quotaNames);
      say(`${i + 1} of ${left.length} ${runLine(run)}`);
      for (const fault of run.faults) say(`    ${fault}`);
      // Nobody knows what it has left behind.
      if (run.answers.length === 0) await runner.drop();
    }
    await runner.drop();
    const wantedQuota = (text: string): boolean =>
      wanted(text) && !(asked.continue && results.isClean(text.replace(/^quota: /, "")));
    for await (const run of runQuotas(runner, wantedQuota)) {
      quotas.push(run);
      results.keep(run);
      if (asked.write) await results.write(rows, quotaNames);
      say(quotaLine(run));
      for (const fault of run.faults) say(`    ${fault}`);
    }
  } finally {
    await runner.close();
  }
  const faulty = [...runs, ...quotas].filter(({ faults }) => faults.length > 0);
  if (asked.json) process.stdout.write(`${JSON.stringify({ runs, quotas })}\n`);
  else say(`\n${runTable(runs.map(runLine))}\n\n${quotaTable(quotas.map(quotaLine))}\n`);
  for (const run of faulty)
    say(`${run.name}${"atOnce" in run ? `, ${run.atOnce} at once` : ""}: ${run.faults.join("; ")}`);
  say(`${runs.length + quotas.length} runs, ${faulty.length} with a fault`);
  return faulty.length === 0 ? 0 : 1;
}
