import type { NearGraph } from "../../graphs/files.ts";
import { frameSide, lowResSide } from "../../imaging/coordinates.ts";
import type { PromptTokens } from "./prompt-tokens.ts";

/** Cells of the low-res mask along an image token's side. */
export const cellsPerToken = 4;
/** Image tokens along a side of the embedding, and the pixels of the frame along a token's. */
const gridSide = lowResSide / cellsPerToken;
const tokenPixels = frameSide / gridSide;
/** What a box may be of the square of tokens round it, outside of which it is seen by samples alone. */
export const largestShare = 3 / 4;

/** Whether a box, as tokens [x0, y0, x1, y1] of the 1024 frame, is small enough for the image tokens near it. */
export function isNear({ coords, labels }: PromptTokens, { side }: NearGraph): boolean {
  if (labels.length !== 2 || labels[0] !== 2 || labels[1] !== 3) return false;
  const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = coords;
  return Math.max(x1 - x0, y1 - y0) <= side * tokenPixels * largestShare;
}

/** The column and row of the first token of a box's square, which lies inside the embedding. */
export function squareOf({ coords }: Pick<PromptTokens, "coords">, side: number): [number, number] {
  const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = coords;
  const first = (from: number, to: number): number =>
    Math.min(gridSide - side, Math.max(0, Math.round((from + to) / 2 / tokenPixels - side / 2)));
  return [first(x0, x1), first(y0, y1)];
}

/** The image tokens that one box is decoded from, and the log of how many each stands for: see NearTokens. */
export function tokensNear(
  square: readonly [number, number],
  { side, stride }: NearGraph,
): { places: readonly number[]; logCounts: readonly number[] } {
  const [column, row] = square;
  const own = Array.from(
    { length: side * side },
    (_, i) => (row + Math.floor(i / side)) * gridSide + column + (i % side),
  );
  const inside = new Set(own);
  const samplesAcross = gridSide / stride;
  const samples = Array.from({ length: samplesAcross ** 2 }, (_, i) => {
    const [y, x] = [Math.floor(i / samplesAcross), i % samplesAcross];
    return (y * stride + stride / 2) * gridSide + x * stride + stride / 2;
  });
  const outside = samples.filter((place) => !inside.has(place)).length;
  const each = Math.log((gridSide * gridSide - own.length) / outside);
  const logCounts = [...own.map(() => 0), ...samples.map((place) => (inside.has(place) ? none : each))];
  return { places: [...own, ...samples], logCounts };
}

/** Log of a count of none, of a sample whose place the square has already: softmax makes 0 of it. */
const none = -1e9;
