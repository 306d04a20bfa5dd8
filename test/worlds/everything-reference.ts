import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PeerMask, startPeer } from "./everything-peer.ts";
import type { EverythingSettings } from "../../src/domain/everything.ts";
import { asPng } from "./images.ts";
import { sceneImage } from "./scene.ts";

/** What Meta's generator finds in the drawn scene, on MobileSAM's weights. */
export interface EverythingReference {
  readonly made_by: string;
  readonly cases: readonly {
    readonly settings: Partial<EverythingSettings>;
    readonly masks: readonly PeerMask[];
  }[];
}

const cases: readonly Partial<EverythingSettings>[] = [
  { pointsPerSide: 8 },
  { pointsPerSide: 8, cropNLayers: 1, cropNPointsDownscaleFactor: 2 },
  {
    pointsPerSide: 6,
    predIouThresh: 0.7,
    stabilityScoreThresh: 0.8,
    boxNmsThresh: 0.9,
    minMaskRegionArea: 150,
  },
];

/** Runs Python on all cases. */
export async function makeReference(options: {
  python: string;
  meta: string | undefined;
}): Promise<EverythingReference> {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-scene-"));
  const peer = await startPeer({ ...options, threads: 2 });
  try {
    const image = join(folder, "scene.png");
    await writeFile(image, await asPng(sceneImage()));
    const made = [];
    for (const settings of cases) {
      const { masks } = await peer.generate(image, settings);
      made.push({ settings, masks });
    }
    return { made_by: peer.name, cases: made };
  } finally {
    await peer.stop();
    await rm(folder, { recursive: true });
  }
}
