import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askPeer } from "../lib/coco/peer.ts";
import { type FineTuneMeasured, type ImportMeasured, startLocalServer } from "../lib/coco/server.ts";
import { writeCocoSet } from "../lib/coco/set.ts";
import { machine } from "../lib/report.ts";
import { runBench } from "../lib/run-bench.ts";
import type { ObjectsOptions } from "./options.ts";
import { ownRate, type Rate } from "./rates.ts";

interface ObjectsReport {
  readonly bench: "objects";
  readonly cpu: string;
  readonly cores: number;
  readonly side: number;
  readonly outlines: { readonly ours: Rate; readonly peer: Rate | null; readonly note?: string };
  readonly import: ImportMeasured;
  readonly fine_tune: (FineTuneMeasured & { readonly budget_seconds: number }) | null;
}

export const main = (options: ObjectsOptions): Promise<number> =>
  runBench(options, (signal) => measure(options, signal), tableOf);

async function measure(options: ObjectsOptions, signal: AbortSignal): Promise<ObjectsReport> {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-bench-objects-"));
  const tell = (text: string): void => void process.stderr.write(`${text}\n`);
  try {
    tell(`Writing ${options.images} pictures of ${options.width} pixels and ${options.objects} objects`);
    const set = await writeCocoSet(join(folder, "set"), options);
    tell("Outlines to run lengths");
    const ours = await ownRate(set.folder);
    const peer = await askPeer<Rate>("coco_objects.py", set.folder, options.python);
    const server = await startLocalServer(folder);
    signal.addEventListener("abort", () => void server.stop());
    try {
      tell("Importing");
      const imported = await server.import(set.zip, set.zipBytes);
      tell("Fine-tuning");
      const { budget } = options;
      const tuned =
        budget === null || imported.status !== "succeeded"
          ? null
          : await server.fineTune(imported.project, { budget_seconds: budget }, tell);
      return {
        bench: "objects",
        ...machine(),
        side: options.width,
        outlines: "missing" in peer ? { ours, peer: null, note: peer.missing } : { ours, peer },
        import: imported,
        fine_tune: tuned && budget !== null ? { budget_seconds: budget, ...tuned } : null,
      };
    } finally {
      await server.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const perSecond = ({ objects, seconds }: { objects: number; seconds: number }): number =>
  Math.round(objects / seconds);

function tableOf({ cpu, cores, side, outlines, import: imported, fine_tune: tuned }: ObjectsReport): string {
  const { ours, peer, note } = outlines;
  const lines = [
    `objects: ${imported.images} pictures of ${side} x ${side}, ${ours.objects} objects; ${cpu}, ${cores} cores`,
    `outlines to run lengths, objects a second: ours ${perSecond(ours)}, ` +
      (peer
        ? `${peer.name} ${perSecond(peer)}, ours / theirs ${(peer.seconds / ours.seconds).toFixed(2)}; ` +
          `areas ${ours.area === peer.area ? "the same" : `${ours.area} and ${peer.area}`}`
        : `the peer is missing (${note ?? "not found"})`),
    `import: ${imported.status} after ${imported.seconds.toFixed(1)} s, ${perSecond(imported)} objects a second`,
  ];
  if (tuned) {
    const phases = Object.entries(tuned.phases).map(([name, s]) => `${name} ${s.toFixed(1)} s`);
    lines.push(
      `fine-tune with ${tuned.budget_seconds} budget seconds: ${tuned.status} after ${tuned.seconds.toFixed(1)} s, ` +
        `started at ${tuned.started ?? "-"} s, first step at ${tuned.first_step ?? "-"} s; ${phases.join(", ")}`,
      tuned.said,
    );
  }
  return `${lines.join("\n")}\n`;
}
