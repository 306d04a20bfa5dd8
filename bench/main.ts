import { parseArgs } from "node:util";
import type { Report } from "./report.ts";
import { printTable } from "./report.ts";

/** npm run bench -- train | decode [--json] [--python PATH] [--rounds N] [--threads N] */
const usage =
  "usage: npm run bench -- <train|decode> [--json] [--python PATH] [--rounds N] [--threads N]\n" +
  "  train   one optimizer step, against PyTorch (PATH, else .venv/bin/python)\n" +
  "  decode  one prompt on a cached embedding, against Meta's ONNX decoder\n";

export interface BenchOptions {
  readonly python: string | undefined;
  readonly rounds: number;
  readonly threads: number;
}

const benches: Readonly<Record<string, () => Promise<{ run(options: BenchOptions): Promise<Report> }>>> = {
  train: () => import("./train.ts"),
  decode: () => import("./decode.ts"),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    python: { type: "string" },
    rounds: { type: "string", default: "21" },
    threads: { type: "string", default: "2" },
  },
});

const bench = benches[positionals[0] ?? ""];
const [rounds, threads] = [Number(values.rounds), Number(values.threads)];
if (!bench || !Number.isInteger(rounds) || rounds < 1 || !Number.isInteger(threads) || threads < 1) {
  process.stderr.write(usage);
  process.exitCode = 2;
} else {
  const report = await (await bench()).run({ python: values.python, rounds, threads });
  if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else printTable(report);
}
