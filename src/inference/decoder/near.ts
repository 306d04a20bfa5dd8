import type { Tensor } from "../../lib/onnxruntime.ts";
import { nothing } from "../../imaging/area-logits.ts";
import { lowResSide } from "../../imaging/coordinates.ts";
import { float32, sessionOf } from "../workers/session.ts";
import { embeddingTensors } from "./embedding-tensors.ts";
import { cellsPerToken, squareOf, tokensNear } from "./near-tokens.ts";
import { imagePositions } from "./prefix.ts";
import { batchTokens, type PromptTokens } from "./prompt-tokens.ts";
import type { Decoded } from "./run.ts";
import type { DecoderTask } from "./task.ts";
import { fed, values } from "./tensors.ts";

/** Values of an image token. */
const width = 256;

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
