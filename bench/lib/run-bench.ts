import { messageOf } from "../../src/lib/errors.ts";

/** Runs a bench until it ends or somebody stops it: the report on stdout, faults on stderr. Returns the exit code. */
export async function runBench<Report>(
  { json }: { readonly json: boolean },
  run: (signal: AbortSignal) => Promise<Report>,
  tableOf: (report: Report) => string,
): Promise<number> {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.once(name, () => stop.abort(new Error(`stopped by ${name}`)));
  try {
    const report = await run(stop.signal);
    process.stdout.write(json ? `${JSON.stringify(report)}\n` : tableOf(report));
    return 0;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    return 1;
  }
}
