import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../../src/lib/errors.ts";
import type { EverythingSettings } from "../../src/domain/everything.ts";
import { asPng } from "../../test/worlds/images.ts";
import { sceneImage } from "../../test/worlds/scene.ts";
import { startOurs } from "../lib/everything.ts";
import { type Peer, startPeer } from "../../test/worlds/everything-peer.ts";
import { noPython, pythonOf } from "../lib/options.ts";
import type { TimingOptions } from "../lib/timing-options.ts";
import { interleave, machine, printReport, type Report, type Row, timed } from "../lib/report.ts";

export async function main(options: TimingOptions): Promise<number> {
  printReport(await run(options), options.json);
  return 0;
}

const cases: readonly { what: string; settings: Partial<EverythingSettings> }[] = [
  { what: "8 x 8 points", settings: { pointsPerSide: 8 } },
  {
    what: "8 x 8 points and 4 crops of 4 x 4",
    settings: { pointsPerSide: 8, cropNLayers: 1, cropNPointsDownscaleFactor: 2 },
  },
];
/** A run takes seconds: so many rounds tell enough. */
const mostRounds = 7;

/** Milliseconds of segment-everything on one drawn image, encoder included: ours, and Meta's generator in PyTorch. */
async function run(options: TimingOptions): Promise<Report> {
  const rounds = Math.min(options.rounds, mostRounds);
  const folder = await mkdtemp(join(tmpdir(), "maskwright-bench-"));
  const image = join(folder, "scene.png");
  await writeFile(image, await asPng(sceneImage()));
  const ours = await startOurs(options.threads);
  const peer = await findPeer(options);
  const rows: Row[] = [];
  try {
    for (const { what, settings } of cases) {
      const generate = "generate" in peer ? peer.generate : null;
      const contest = {
        ours: () => timed(() => ours.generate(image, settings)),
        peer: generate && (async () => (await generate(image, settings)).ms),
      };
      rows.push(await interleave(what, rounds, contest));
    }
  } finally {
    await ours.stop();
    if ("stop" in peer) await peer.stop();
    await rm(folder, { recursive: true });
  }
  return {
    bench: "everything",
    unit: "ms per image of 240 x 180, encoder included",
    ...machine(),
    threads: options.threads,
    rounds,
    ours: "segment-everything in one decode worker",
    peer: "name" in peer ? peer.name : null,
    ...("note" in peer ? { note: peer.note } : {}),
    rows,
  };
}

async function findPeer({ python: asked, threads, meta }: TimingOptions): Promise<Peer | { note: string }> {
  const python = pythonOf(asked);
  if (python === undefined) return { note: noPython };
  try {
    return await startPeer({ python, threads, meta });
  } catch (error) {
    return { note: messageOf(error).trim().slice(-300) };
  }
}
