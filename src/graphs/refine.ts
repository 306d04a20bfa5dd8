import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { type RecordInput, recordGraph } from "../graph/record.ts";
import { toOnnx } from "../graph/to-onnx.ts";
import { guidedLogits } from "../model/refine/guided-filter.ts";
import { pointFeatureCount, pointFeatures } from "../model/refine/point-features.ts";
import { judgedLogits, judgePoints, type PointHeadTensors } from "../model/refine/point-head.ts";

const area: RecordInput[] = [
  { name: "logits", shape: ["height", "width"] },
  { name: "guide", shape: ["height", "width", 3], dtype: "uint8" },
];
const boxed: RecordInput[] = [
  { name: "box", shape: [4] },
  { name: "has_box", shape: [1] },
];

const chosen: RecordInput = { name: "points", shape: ["points"], dtype: "int32" };

/**
 * Point heads, for every number of hidden units, as an ONNX file. Inputs, with height H and width W of
 * an area of the image free: `logits` float32 [H, W]; `guide` uint8 [H, W, 3], RGB; `box` float32 [4], [x0, y0, x1, y1]
 * in pixels of the area; `has_box` float32 [1], 0 or 1; `points` int32 [P], row-major indexes of the pixels that are
 * judged, each once, P free and not 0: those whose logit is above faintLogit; and the head, float32, with U units: `mean` [F], `scale` [F],
 * `w1` [F, U], `b1` [U], `w2` [U, U], `b2` [U], `w3` [U], `b3` [1], where F is pointFeatureCount.
 * Output: `refined` float32 [H, W], logits; or `judged` float32 [P], those of the judged pixels alone, as putting single
 * numbers among others takes onnxruntime an eighth of the head's time.
 */
export function pointHeadOnnx(output: "refined" | "judged"): Uint8Array {
  const head: RecordInput[] = [
    { name: "mean", shape: [pointFeatureCount] },
    { name: "scale", shape: [pointFeatureCount] },
    { name: "w1", shape: [pointFeatureCount, "units"] },
    { name: "b1", shape: ["units"] },
    { name: "w2", shape: ["units", "units"] },
    { name: "b2", shape: ["units"] },
    { name: "w3", shape: ["units"] },
    { name: "b3", shape: [1] },
  ];
  const graph = recordGraph(
    (tensors) => {
      const input = (name: string): Tensor => tensors[name] as Tensor;
      const given = {
        logits: input("logits"),
        guide: input("guide"),
        box: input("box"),
        hasBox: input("has_box"),
      };
      const judge = output === "refined" ? judgePoints : judgedLogits;
      return { [output]: judge(given, input("points"), tensors as unknown as PointHeadTensors) };
    },
    [...area, ...boxed, chosen, ...head],
  );
  return toOnnx(graph);
}

/**
 * What training needs of the pixels that it draws, as an ONNX file. Inputs as in pointHeadOnnx, without the head.
 * Output: `features` float32 [P, F].
 */
export function pointFeaturesOnnx(): Uint8Array {
  const graph = recordGraph(
    (tensors) => {
      const input = (name: string): Tensor => tensors[name] as Tensor;
      const given = {
        logits: input("logits"),
        guide: input("guide"),
        box: input("box"),
        hasBox: input("has_box"),
      };
      return { features: tf.transpose(pointFeatures(given, input("points"))) };
    },
    [...area, ...boxed, chosen],
  );
  return toOnnx(graph);
}

/**
 * The guided filter as an ONNX file. Inputs: `logits` and `guide` as in pointHeadOnnx; float32 [1] each, `radius`, a whole
 * number of pixels, `epsilon` and `threshold`, as in a version's focus. Output: `refined` float32 [H, W], logits.
 */
export function guidedFilterOnnx(): Uint8Array {
  const graph = recordGraph(
    (tensors) => {
      const input = (name: string): Tensor => tensors[name] as Tensor;
      const [logits, guide] = [input("logits"), input("guide")];
      const settings = {
        radius: input("radius"),
        epsilon: input("epsilon"),
        threshold: input("threshold"),
      };
      return { refined: guidedLogits({ logits, guide, ...settings }) };
    },
    [...area, ...["radius", "epsilon", "threshold"].map((name) => ({ name, shape: [1] }))],
  );
  return toOnnx(graph);
}
