import { parseArgs } from "node:util";
import type { EverythingSettings } from "../src/inference/everything/types.ts";
import { compare, type ParityRow } from "./everything/parity.ts";
import { parityUsage } from "./everything/options.ts";

/** The image alone, and crops beside it. */
const usual: readonly Partial<EverythingSettings>[] = [
  { pointsPerSide: 16 },
  { pointsPerSide: 16, cropNLayers: 1, cropNPointsDownscaleFactor: 2 },
];

/** Prints a row of a table for each image and settings, or one JSON object at the end. Returns the exit status. */
export async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      python: { type: "string", default: ".venv/bin/python" },
      meta: { type: "string" },
      threads: { type: "string", default: "2" },
      settings: { type: "string", multiple: true },
    },
  });
  if (positionals.length === 0) {
    process.stderr.write(`usage: npm run bench --\n${parityUsage}`);
    return 2;
  }
  const settings = values.settings?.map((text) => JSON.parse(text) as Partial<EverythingSettings>) ?? usual;
  const { python, meta, json } = values;
  const out = (line: string): void => void process.stdout.write(`${line}\n`);
  if (!json)
    out(
      "| image | size | settings | ours | Meta's | pairs | mean IoU | least IoU |\n|---|---|---|---|---|---|---|---|",
    );
  const options = { python, meta, threads: Number(values.threads) };
  const { rows, peer } = await compare(positionals, settings, options, (row) => {
    if (!json) out(line(row));
  });
  const worst = Math.min(...rows.map((row) => row.mean_iou));
  const counts = rows.map((row) => Math.abs(row.ours - row.peer) / Math.max(1, row.peer));
  const summary = {
    bench: "everything-parity",
    peer,
    worst_mean_iou: worst,
    worst_count: Math.max(...counts),
    rows,
  };
  if (json) out(JSON.stringify(summary));
  else
    out(
      `\n${peer}. Least mean IoU ${worst}; counts differ by at most ${(100 * summary.worst_count).toFixed(1)} %.`,
    );
  return 0;
}

const line = (row: ParityRow): string =>
  `| ${row.image} | ${row.width} x ${row.height} | ${row.settings} | ${row.ours} | ${row.peer} | ${row.pairs} | ${row.mean_iou.toFixed(4)} | ${row.min_iou.toFixed(3)} |`;
