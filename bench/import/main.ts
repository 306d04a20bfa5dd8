import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CocoSet, writeCocoSet } from "../lib/coco/set.ts";
import type { ImportOptions } from "./options.ts";
import { askPeer } from "../lib/coco/peer.ts";
import { type ImportMeasured, startLocalServer } from "../lib/coco/server.ts";
import { machine } from "../lib/report.ts";
import { runBench } from "../lib/run-bench.ts";

/** The same files, read by peers/read_coco.py. */
interface PeerMeasured {
  readonly name: string;
  readonly seconds: number;
  readonly images: number;
  readonly objects: number;
  readonly peak_bytes: number;
}

interface ImportReport {
  readonly bench: "import";
  readonly cpu: string;
  readonly cores: number;
  readonly annotation_bytes: number;
  readonly zip_bytes: number;
  readonly ours: ImportMeasured;
  readonly peer: PeerMeasured | null;
  /** Why there is no peer, when there is none. */
  readonly note?: string;
}

export const main = (options: ImportOptions): Promise<number> =>
  runBench(options, (signal) => run(options, signal), tableOf);

async function run(options: ImportOptions, signal: AbortSignal): Promise<ImportReport> {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-bench-import-"));
  try {
    process.stderr.write(`Writing ${options.images} pictures and ${options.objects} objects ...\n`);
    const set = await writeCocoSet(join(folder, "set"), options);
    const ours = await importSet(folder, set, signal);
    if (ours.status !== "succeeded") throw new Error(`the import ended as ${ours.status}`);
    const peer = await askPeer<PeerMeasured>("read_coco.py", set.folder, options.python);
    const missing = "missing" in peer ? peer.missing : undefined;
    if (missing !== undefined) process.stderr.write(`THE PEER IS MISSING, nothing is compared: ${missing}\n`);
    return {
      bench: "import",
      ...machine(),
      annotation_bytes: set.annotationBytes,
      zip_bytes: set.zipBytes,
      ours,
      peer: "missing" in peer ? null : peer,
      ...(missing !== undefined && { note: missing }),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function importSet(folder: string, set: CocoSet, signal: AbortSignal): Promise<ImportMeasured> {
  const server = await startLocalServer(folder);
  signal.addEventListener("abort", () => void server.stop());
  try {
    return await server.import(set.zip, set.zipBytes);
  } finally {
    await server.stop();
  }
}

const MB = (bytes: number | null): string => (bytes === null ? "-" : `${Math.round(bytes / 1e6)} MB`);

function tableOf({ cpu, cores, annotation_bytes, zip_bytes, ours, peer, note }: ImportReport): string {
  const row = (
    what: string,
    measured: Pick<PeerMeasured, "seconds" | "images" | "objects">,
    peak: number | null,
    above: number | null,
  ) =>
    `| ${what} | ${measured.seconds.toFixed(1)} | ${(measured.images / measured.seconds).toFixed(1)} | ` +
    `${(measured.objects / measured.seconds).toFixed(0)} | ${MB(peak)} | ${MB(above)} |`;
  const { peak_bytes: peak, rest_bytes: rest } = ours;
  return [
    `import: a COCO set with ${MB(annotation_bytes)} of annotations, ${MB(zip_bytes)} as a zip`,
    `${cpu}, ${cores} cores`,
    `ours: upload, checks, run lengths and rows in Postgres, ${ours.status}; of the service without Postgres`,
    `peer: ${peer?.name ?? `none (${note ?? "not found"})`}, files read and objects made run lengths; nothing is stored`,
    "It makes the pixels of each picture; an import holds that all of them are there, which takes less where a JPEG is usual.\n",
    "| | seconds | images/s | objects/s | peak memory | above rest |\n|---|---|---|---|---|---|",
    row("ours", ours, peak, peak === null || rest === null ? null : peak - rest),
    ...(peer ? [row("peer", peer, peer.peak_bytes, null)] : []),
    `\n/healthz took ${ours.healthz_ms.toFixed(0)} ms at most meanwhile.\n`,
  ].join("\n");
}
