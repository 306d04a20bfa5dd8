import type { Tensor } from "@tensorflow/tfjs-core";
import { type RecordInput, recordGraph } from "../graph/record.ts";
import { toOnnx } from "../graph/to-onnx.ts";
import { gridCells } from "../domain/finder-layout.ts";
import { finderOutputs } from "../model/finder.ts";
import { finderWeights } from "./export-find.ts";

/**
 * A finder as an ONNX file. Inputs, all float32: every weight by the names and shapes of finderShapes, whatever the number of
 * labels, and `cells` [1, n, n, 256] with n of 64 / pool. Output: `finds` [1, n, n, 4 * outputs].
 */
export function finderOnnx(pool: number): Uint8Array {
  const side = gridCells / pool;
  const cells: RecordInput = { name: "cells", shape: [1, side, side, 256] };
  const graph = recordGraph(
    (tensors) => ({ finds: finderOutputs(tensors["cells"] as Tensor, tensors) }),
    [...finderWeights(), cells],
    { onnxruntime: true },
  );
  return toOnnx(graph);
}
