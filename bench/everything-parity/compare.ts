import { basename } from "node:path";
import { decodeRle } from "../../src/imaging/rle.ts";
import type { RleMask } from "../../src/imaging/types.ts";
import type { EverythingSettings } from "../../src/domain/everything.ts";
import { matchMasks } from "../../test/worlds/match-masks.ts";
import { startOurs } from "../lib/everything.ts";
import { type PeerOptions, startPeer } from "../../test/worlds/everything-peer.ts";

export interface ParityRow {
  readonly image: string;
  readonly width: number;
  readonly height: number;
  readonly settings: string;
  /** Masks that each found. */
  readonly ours: number;
  readonly peer: number;
  readonly pairs: number;
  readonly mean_iou: number;
  readonly min_iou: number;
  readonly ours_ms: number;
  readonly peer_ms: number;
}

/** Runs both on every image with every settings; hands each row out as it is known. */
export async function compare(
  images: readonly string[],
  settings: readonly Partial<EverythingSettings>[],
  options: PeerOptions,
  take: (row: ParityRow) => void,
): Promise<{ rows: ParityRow[]; peer: string }> {
  const peer = await startPeer(options);
  const ours = await startOurs(options.threads);
  const rows: ParityRow[] = [];
  try {
    for (const image of images) {
      for (const one of settings) {
        const start = performance.now();
        const found = await ours.generate(image, one);
        const oursMs = performance.now() - start;
        const wanted = await peer.generate(image, one);
        const masks = found.results[0]?.masks ?? [];
        const match = matchMasks(
          masks.map(({ mask }) => decodeRle(mask as RleMask)),
          wanted.masks.map(({ size, counts }) => decodeRle({ format: "rle", size, counts })),
        );
        const row = {
          image: basename(image),
          width: found.width,
          height: found.height,
          settings: JSON.stringify(one),
          ours: masks.length,
          peer: wanted.masks.length,
          pairs: match.pairs,
          mean_iou: Number(match.meanIou.toFixed(5)),
          min_iou: Number(match.minIou.toFixed(4)),
          ours_ms: Math.round(oursMs),
          peer_ms: Math.round(wanted.ms),
        };
        rows.push(row);
        take(row);
      }
    }
  } finally {
    await Promise.all([ours.stop(), peer.stop()]);
  }
  return { rows, peer: peer.name };
}
