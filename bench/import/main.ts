import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CocoSet, writeCocoSet } from "../lib/coco/set.ts";
import type { ImportOptions } from "./options.ts";
import { askPeer } from "../lib/coco/peer.ts";
import { type ImportMeasured, startLocalServer } from "../lib/coco/server.ts";
import { machine } from "../lib/report.ts";

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

/** Returns 1 where the import did not succeed. */
export async function main(options: ImportOptions): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-bench-import-"));
  try {
    process.stderr.write(`Writing ${options.images} pictures and ${options.objects} objects ...\n`);
    const set = await writeCocoSet(join(folder, "set"), options);
    const ours = await importSet(folder, set);
    const peer = await askPeer<PeerMeasured>("read_coco.py", set.folder, options.python);
    const missing = "missing" in peer ? peer.missing : undefined;
    if (missing !== undefined) process.stderr.write(`THE PEER IS MISSING, nothing is compared: ${missing}\n`);
    const report: ImportReport = {
      bench: "import",
      ...machine(),
      annotation_bytes: set.annotationBytes,
      zip_bytes: set.zipBytes,
      ours,
      peer: "missing" in peer ? null : peer,
      ...(missing !== undefined && { note: missing }),
    };
    if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
    else print(report);
    return ours.status === "succeeded" ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function importSet(folder: string, set: CocoSet): Promise<ImportMeasured> {
  const server = await startLocalServer(folder);
  try {
    return await server.import(set.zip, set.zipBytes);
  } finally {
    await server.stop();
  }
}

const MB = (bytes: number | null): string => (bytes === null ? "-" : `${Math.round(bytes / 1e6)} MB`);

function print({ cpu, cores, annotation_bytes, zip_bytes, ours, peer, note }: ImportReport): void {
  const out = (line: string): void => void process.stdout.write(`${line}\n`);
  out(`import: a COCO set with ${MB(annotation_bytes)} of annotations, ${MB(zip_bytes)} as a zip`);
  out(`${cpu}, ${cores} cores`);
  out(
    `ours: upload, checks, run lengths and rows in Postgres, ${ours.status}; of the service without Postgres`,
  );
  out(`peer: ${peer?.name ?? `none (${note ?? "not found"})`}, files read and objects made run lengths\n`);
  out("| | seconds | images/s | objects/s | peak memory | above rest |\n|---|---|---|---|---|---|");
  const row = (
    what: string,
    run: Pick<PeerMeasured, "seconds" | "images" | "objects">,
    peak: number | null,
    above: number | null,
  ) =>
    out(
      `| ${what} | ${run.seconds.toFixed(1)} | ${(run.images / run.seconds).toFixed(1)} | ` +
        `${(run.objects / run.seconds).toFixed(0)} | ${MB(peak)} | ${MB(above)} |`,
    );
  const { peak_bytes: peak, rest_bytes: rest } = ours;
  row("ours", ours, peak, peak === null || rest === null ? null : peak - rest);
  if (peer) row("peer", peer, peer.peak_bytes, null);
  out(`\n/healthz took ${ours.healthz_ms.toFixed(0)} ms at most meanwhile.`);
}
