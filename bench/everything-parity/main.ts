import { compare, type ParityRow } from "./compare.ts";
import type { ParityOptions } from "./options.ts";

/** Prints a row of a table for each image and settings, or one JSON object at the end. Returns the exit status. */
export async function main(options: ParityOptions): Promise<number> {
  const { json } = options;
  const out = (line: string): void => void process.stdout.write(`${line}\n`);
  if (!json)
    out(
      "| image | size | settings | ours | Meta's | pairs | mean IoU | least IoU |\n|---|---|---|---|---|---|---|---|",
    );
  const { rows, peer } = await compare(options.images, options.settings, options, (row) => {
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
