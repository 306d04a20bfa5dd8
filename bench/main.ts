import { parseArgs } from "node:util";
import type { Report } from "./report.ts";
import { qualityUsage } from "./quality/options.ts";
import { printTable } from "./report.ts";

/** npm run bench -- train | decode [--json] [--python PATH] [--rounds N] [--threads N], or quality: see its usage. */
const usage =
  "usage: npm run bench -- <train|decode> [--json] [--python PATH] [--rounds N] [--threads N]\n" +
  "  train   one optimizer step, against PyTorch (PATH, else .venv/bin/python)\n" +
  "  decode  one prompt on a cached embedding, against Meta's ONNX decoder\n" +
  qualityUsage;

export interface BenchOptions {
  readonly python: string | undefined;
  readonly rounds: number;
  readonly threads: number;
}

const benches: Readonly<Record<string, () => Promise<{ run(options: BenchOptions): Promise<Report> }>>> = {
  train: () => import("./train.ts"),
  decode: () => import("./decode.ts"),
};

const args = process.argv.slice(2);
process.exitCode =
  args[0] === "quality" ? await (await import("./quality.ts")).main(args.slice(1)) : await time();

async function time(): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
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
    return 2;
  }
  const report = await (await bench()).run({ python: values.python, rounds, threads });
  if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else printTable(report);
  return 0;
}
