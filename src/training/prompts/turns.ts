import { embeddingParts, type ModelFamily } from "../../domain/model-family.ts";
import { frameSide, lowResSide } from "../../imaging/coordinates.ts";
import type { Point } from "../../imaging/types.ts";
import type { Random } from "../../lib/random.ts";
import type { TrainBatch } from "../engine/types.ts";

/**
 * One of the eight ways in which a square lies on itself: mirrored left to right (`x`), then upside down (`y`), then its
 * axes swapped. Frames of the encoder are squares, so that whole frames turn, the padding with them.
 */
export interface Turn {
  readonly x: boolean;
  readonly y: boolean;
  readonly swap: boolean;
}

/** Each of the eight equally often. */
export function drawTurn(random: Random): Turn {
  const which = random.below(8);
  return { x: (which & 1) > 0, y: (which & 2) > 0, swap: (which & 4) > 0 };
}

/** Where a point of a square with this side goes; for the middles of cells, the side is that of cells less one. */
export function turnPoint(
  x: number,
  y: number,
  { side, turn }: { side: number; turn: Turn },
): [number, number] {
  const [right, down] = [turn.x ? side - x : x, turn.y ? side - y : y];
  return turn.swap ? [down, right] : [right, down];
}

/** Values of a square of cells, row-major with the channels last, in their new places. */
export function turnPlane(
  values: Float32Array,
  { side, channels = 1 }: { side: number; channels?: number },
  turn: Turn,
): Float32Array {
  const to = new Float32Array(values.length);
  // Neighbours in a row stay as far apart as these two.
  const place = (x: number, y: number): number => {
    const [column, row] = turnPoint(x, y, { side: side - 1, turn });
    return row * side + column;
  };
  for (let y = 0, from = 0; y < side; y++) {
    let at = place(0, y) * channels;
    const step = (place(1, y) - place(0, y)) * channels;
    for (let x = 0; x < side; x++, from += channels, at += step) {
      if (channels === 1) to[at] = values[from] as number;
      else to.set(values.subarray(from, from + channels), at);
    }
  }
  return to;
}

/**
 * An embedding, [64, 64, 256] channels last and SAM 2's skip features behind, in its new places. That is near to what the
 * encoder makes of the turned image, and costs no encode.
 */
export function turnEmbedding(
  embedding: Float32Array,
  turn: Turn,
  family: ModelFamily = "sam",
): Float32Array {
  const to = new Float32Array(embedding.length);
  for (const { offset, length, shape } of embeddingParts[family]) {
    const [channels, side] = shape;
    to.set(turnPlane(embedding.subarray(offset, offset + length), { side, channels }, turn), offset);
  }
  return to;
}

/**
 * Coords [x, y, ...] of one prompt in pixels of the 1024 frame, turned in their place. A box's corners, labels 2 and 3, stay
 * the one at the top left and the one at the bottom right; padding and absent tokens are left alone.
 */
export function turnPrompt(coords: Float32Array | number[], labels: ArrayLike<number>, turn: Turn): void {
  const tokens = labels.length;
  for (let token = 0; token < tokens; token++) {
    if ((labels[token] as number) < 0) continue;
    const at = 2 * token;
    [coords[at], coords[at + 1]] = turnPoint(coords[at] as number, coords[at + 1] as number, {
      side: frameSide,
      turn,
    });
  }
  for (let token = 0; token + 1 < tokens; token++) {
    if (labels[token] !== 2) continue;
    for (const at of [2 * token, 2 * token + 1]) {
      const [a, b] = [coords[at] as number, coords[at + 2] as number];
      [coords[at], coords[at + 2]] = [Math.min(a, b), Math.max(a, b)];
    }
  }
}

/** Clicks in low-res cells. */
export const turnClicks = (clicks: readonly Point[], turn: Turn): Point[] =>
  clicks.map(([x, y, label]) => [...turnPoint(x, y, { side: lowResSide, turn }), label]);

/** What a batch shows, sample by sample turned in its own way; its prompts are as they were. */
export function turnShown(
  { embeddings, targets, valid, edges, ...prompts }: TrainBatch,
  turns: readonly Turn[],
  family: ModelFamily | undefined,
): TrainBatch {
  const cells = lowResSide * lowResSide;
  const all = (values: Float32Array): Float32Array => {
    const to = new Float32Array(values.length);
    for (const [i, turn] of turns.entries())
      to.set(turnPlane(values.subarray(i * cells, (i + 1) * cells), { side: lowResSide }, turn), i * cells);
    return to;
  };
  return {
    ...prompts,
    embeddings: embeddings.map((one, i) => turnEmbedding(one, turns[i] as Turn, family)),
    targets: all(targets),
    valid: all(valid),
    ...(edges ? { edges: all(edges) } : {}),
  };
}
