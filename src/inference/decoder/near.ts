import type { NearGraph } from "../../graphs/files.ts";
import type { Tensor } from "../../lib/onnxruntime.ts";
import { nothing } from "../../imaging/area-logits.ts";
import { frameSide, lowResSide } from "../../imaging/coordinates.ts";
import { float32, sessionOf } from "../workers/session.ts";
import { embeddingTensors } from "./embedding-tensors.ts";
import { imagePositions } from "./prefix.ts";
import { batchTokens, type PromptTokens } from "./prompt-tokens.ts";
import type { Decoded } from "./run.ts";
import type { DecoderTask } from "./task.ts";
import { fed, values } from "./tensors.ts";

/** Cells of the low-res mask along an image token's side. */
const cellsPerToken = 4;
/** Image tokens along a side of the embedding, the pixels of the frame along a token's, and its values. */
const gridSide = lowResSide / cellsPerToken;
const tokenPixels = frameSide / gridSide;
const width = 256;
/** What a box may be of the square of tokens round it: what is outside is not seen by most of the decoder. */
const largestShare = 3 / 4;

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
function tokensNear(
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

/** The rows of tokens [4096, 256] at some places. */
function rowsAt(from: Float32Array, places: readonly number[]): Float32Array {
  const rows = new Float32Array(places.length * width);
  for (const [i, place] of places.entries())
    rows.set(from.subarray(place * width, (place + 1) * width), i * width);
  return rows;
}

/**
 * Boxes that are near (see isNear) in one run of nearDecoderOnnx, as runDecoder gives them, mask token 0 alone: low-res
 * logits of the whole frame, `nothing` outside each box's square.
 */
export async function runNear(task: DecoderTask, prompts: readonly PromptTokens[]): Promise<Decoded> {
  const { split, near, points } = task.graph;
  if (!split || !near) throw new Error("this decoder graph has none for small boxes");
  const { side } = near;
  const { image_embedding: embedding } = embeddingTensors(task.embedding);
  const positions = await imagePositions(split.positions, task);
  const count = prompts.length;
  const squares = prompts.map((prompt) => squareOf(prompt, side));
  const chosen = squares.map((square) => tokensNear(square, near));
  const places = chosen.flatMap((one) => one.places);
  const logCounts = Float32Array.from(chosen.flatMap((one) => one.logCounts));
  const tokens = places.length / count;
  const rowsOf = ({ data }: Tensor): Tensor =>
    float32(rowsAt(data as Float32Array, places), [count, tokens, width]);
  const sparse = batchTokens(prompts, points);
  const session = await sessionOf(near.path, task.threads);
  const output = await session.run(
    fed(session.inputNames, task, {
      near_embedding: rowsOf(embedding),
      near_positions: rowsOf(positions),
      near_log_counts: float32(logCounts, [count, 1, tokens]),
      point_coords: float32(sparse.coords, [count, points, 2]),
      point_labels: float32(sparse.labels, [count, points]),
    }),
  );
  const cells = side * cellsPerToken;
  const seen = values(output["low_res_logits"], count * cells * cells);
  return {
    tokens: 1,
    logits: inFrame(seen, squares, cells),
    scores: values(output["iou_predictions"], count),
  };
}

/** Squares of [P, cells, cells] in planes of the whole frame, [P, 256, 256]. */
function inFrame(
  seen: Float32Array,
  squares: readonly (readonly [number, number])[],
  cells: number,
): Float32Array {
  const plane = lowResSide * lowResSide;
  const logits = new Float32Array(squares.length * plane).fill(nothing);
  for (const [i, [column, row]] of squares.entries()) {
    for (let y = 0; y < cells; y++) {
      const at = i * plane + (row * cellsPerToken + y) * lowResSide + column * cellsPerToken;
      logits.set(seen.subarray((i * cells + y) * cells, (i * cells + y + 1) * cells), at);
    }
  }
  return logits;
}
