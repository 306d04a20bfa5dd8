import { readFile } from "node:fs/promises";
import { headParts, readHead } from "../imaging/points/head.ts";
import { type ExportedRefine, graphsFolder, readRefineGraphs } from "../graphs/files.ts";
import { refineRoom } from "../imaging/refine-room.ts";
import { mostPixelsOf, mostSide } from "../imaging/working-size.ts";
import { faintLogit } from "../lib/faint.ts";
import type { Refine } from "../domain/focus.ts";
import { decodeModel, encodeModel, float32Tensor, int64Tensor, type OnnxTensor } from "../lib/onnx-proto.ts";
import { producer } from "../checkpoint/decoder-onnx.ts";

/** More than an area has. */
const everyPoint = 2 ** 31 - 1;

export const refineKindOf = (refine: Refine): ExportedRefine =>
  "point_head" in refine ? "pointHead" : "guidedFilter";

/** What the graph of a kind takes as inputs beside an area: weights and settings, by the inputs' names after `prefix`. */
export function refineConstants(refine: Refine, prefix = ""): OnnxTensor[] {
  const row = (name: string, values: readonly number[]): OnnxTensor =>
    float32Tensor(`${prefix}${name}`, [values.length], Float32Array.from(values));
  const mostPixels = row("most_pixels", [mostPixelsOf(refine)]);
  if (!("point_head" in refine)) {
    const settings = (["radius", "epsilon", "threshold"] as const).map((name) => row(name, [refine[name]]));
    return [...settings, mostPixels];
  }
  const head = readHead(refine);
  const { hidden, score_shift: shift, most_points: most = everyPoint } = refine.point_head;
  return [
    ...headParts(hidden).map(([part]) => {
      const values = head[part];
      const matrix = part === "w1" || part === "w2";
      return float32Tensor(
        `${prefix}${part}`,
        matrix ? [values.length / hidden, hidden] : [values.length],
        values,
      );
    }),
    row("score_shift", [shift]),
    mostPixels,
    int64Tensor(`${prefix}most_points`, [1], [most]),
  ];
}

/**
 * What refines a version's masks as one ONNX file, its weights inside. Inputs, height H and width W of an area free:
 * `logits` float32 [H, W], `guide` uint8 [H, W, 3] RGB; of a point head `box` float32 [4], the prompt's in pixels of the
 * area, `has_box` float32 [1], and `points` int32 [P], row-major indexes of the pixels that it judges, P at least 1. Output `refined` float32 [H, W], logits.
 */
export async function refineOnnxFile(refine: Refine, folder = graphsFolder): Promise<Uint8Array> {
  const model = decodeModel(await readFile(readRefineGraphs(folder)[refineKindOf(refine)]));
  const wanted = new Set(model.graph.input.map(({ name }) => name));
  const constants = refineConstants(refine).filter(({ name }) => wanted.has(name ?? ""));
  const inside = new Set(constants.map(({ name }) => name));
  return encodeModel({
    ...model,
    producerName: producer,
    graph: {
      ...model.graph,
      input: model.graph.input.filter(({ name }) => !inside.has(name)),
      initializer: [...model.graph.initializer, ...constants],
    },
  });
}

/** How a bundle's runners bring an area before refine.onnx. */
export const refineConfig = (refine: Refine) => ({
  kind: refineKindOf(refine),
  /** Windows of more pixels a side are scaled down for it. */
  most_side: mostSide,
  /** Areas of more pixels are scaled down, too; null is no bound. */
  most_pixels: Number.isFinite(mostPixelsOf(refine)) ? mostPixelsOf(refine) : null,
  /** Logits at most so much are background. */
  faint_logit: faintLogit,
  /** Pixels that it wants to see round all that may be foreground. */
  room: refineRoom(refine),
  /** A point head judges so many pixels at most, those whose logits are nearest to 0; null is all. */
  most_points: "point_head" in refine ? (refine.point_head.most_points ?? null) : null,
  /** What is added to IoU predictions. */
  score_shift: "point_head" in refine ? refine.point_head.score_shift : 0,
});
