/** npm run test:abuse: what no single request, nor eight at once, may do to the service; see options.ts. */
import { messageOf } from "../../src/lib/errors.ts";
import { readOptions, usage } from "./options.ts";
import { runQuotas } from "./quotas.ts";
import { quotaLine, type QuotaRun, quotaTable, type Run, runLine, runTable, writeTables } from "./report.ts";
import { rows } from "./rows/index.ts";
import { Runner } from "./runner.ts";
import type { Row } from "./types.ts";

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
  return { kind, name, atOnce, answers: [], silentMs: 0, aboveRestBytes: 0, service: "gone", faults };
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
  const runs: Run[] = [];
  const quotas: QuotaRun[] = [];
  const runner = await Runner.open(asked.data);
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void runner.close().finally(() => process.exit(1)));
  try {
    for (const row of chosen) {
      const counts = [...(asked.eight ? [] : [row.times ?? 1]), ...(asked.single ? [] : [8])];
      for (const atOnce of new Set(counts)) {
        const run = await runner.run(row, atOnce).catch((error: unknown) => notRun(row, atOnce, error));
        runs.push(run);
        say(runLine(run));
        for (const fault of run.faults) say(`    ${fault}`);
        // Nobody knows what it has left behind.
        if (run.answers.length === 0) await runner.drop();
      }
    }
    await runner.drop();
    for await (const run of runQuotas(runner, wanted)) {
      quotas.push(run);
      say(quotaLine(run));
      for (const fault of run.faults) say(`    ${fault}`);
    }
  } finally {
    await runner.close();
  }
  const faulty = [...runs, ...quotas].filter(({ faults }) => faults.length > 0);
  if (asked.json) process.stdout.write(`${JSON.stringify({ runs, quotas })}\n`);
  else say(`\n${runTable(runs)}\n\n${quotaTable(quotas)}\n`);
  for (const run of faulty)
    say(`${run.name}${"atOnce" in run ? `, ${run.atOnce} at once` : ""}: ${run.faults.join("; ")}`);
  say(`${runs.length + quotas.length} runs, ${faulty.length} with a fault`);
  if (asked.write) await writeTables(runs, quotas);
  return faulty.length === 0 ? 0 : 1;
}
