import { parseArgs } from "node:util";
import { messageOf } from "../src/lib/errors.ts";
import type { Report } from "./report.ts";
import { apiUsage } from "./api/options.ts";
import { importUsage } from "./import/options.ts";
import { qualityUsage } from "./quality/options.ts";
import { parityUsage } from "./everything/options.ts";
import { memoryUsage } from "./memory.ts";
import { printTable } from "./report.ts";
import { versionsUsage } from "./versions/options.ts";

/** npm run bench -- train | decode | everything [--json] [--python PATH] [--rounds N] [--threads N], or quality, everything-parity: see their usage. */
const usage =
  "usage: npm run bench -- <train|decode|everything|everything-parity|api|import|versions|memory|quality> [--json] [--python PATH] [--rounds N] [--threads N]\n" +
  "  train   one optimizer step, against PyTorch (PATH, else .venv/bin/python)\n" +
  "  decode  one prompt on a cached embedding, against Meta's ONNX decoder\n" +
  "  everything [--meta PATH]  a whole image, against Meta's automatic mask generator in PyTorch, of the package\n" +
  "          segment_anything or of the checkout at PATH\n" +
  parityUsage +
  apiUsage +
  importUsage +
  versionsUsage +
  memoryUsage +
  qualityUsage;

export interface BenchOptions {
  readonly python: string | undefined;
  readonly rounds: number;
  readonly threads: number;
  /** A checkout of facebookresearch/segment-anything. */
  readonly meta: string | undefined;
}

const benches: Readonly<Record<string, () => Promise<{ run(options: BenchOptions): Promise<Report> }>>> = {
  train: () => import("./train.ts"),
  decode: () => import("./decode.ts"),
  everything: () => import("./everything.ts"),
};

const args = process.argv.slice(2);
const programs: Readonly<Record<string, () => Promise<{ main(args: string[]): Promise<number> }>>> = {
  api: () => import("./api.ts"),
  import: () => import("./import.ts"),
  quality: () => import("./quality.ts"),
  versions: () => import("./versions.ts"),
  memory: () => import("./memory.ts"),
  "everything-parity": () => import("./everything-parity.ts"),
};
if (args.includes("--help") || args.includes("-h")) {
  process.stdout.write(usage);
  process.exit();
}
const program = programs[args[0] ?? ""];
try {
  process.exitCode = program ? await (await program()).main(args.slice(1)) : await time();
} catch (error) {
  if (!String((error as { code?: unknown }).code).startsWith("ERR_PARSE_ARGS")) throw error;
  process.stderr.write(`${messageOf(error)}\n${usage}`);
  process.exitCode = 2;
}

async function time(): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      python: { type: "string" },
      meta: { type: "string" },
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
  const report = await (await bench()).run({ python: values.python, meta: values.meta, rounds, threads });
  if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else printTable(report);
  return 0;
}
