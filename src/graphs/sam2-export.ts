import { dataType, encodeModel, type OnnxValueInfo, valueInfo } from "../lib/onnx-proto.ts";
import type { Sam2ManyVariant } from "./files.ts";
import { NodeList } from "./onnx-nodes.ts";
import { surrounded } from "./surrounded.ts";
import { addSam2Features, addSam2Prompts, recordedSam2Decoder, sam2Weights } from "./sam2-decoder.ts";

/**
 * SAM 2's decoder in samexporter's layout (its export_sam2.py, SAM2ImageDecoder), still with its weights as inputs. Its own
 * inputs, all float32, P and N free: `image_embed` [1, 256, 64, 64], `high_res_feats_0` [1, 32, 256, 256],
 * `high_res_feats_1` [1, 64, 128, 128], `point_coords` [P, N, 2] in pixels of the 1024 frame, `point_labels` [P, N] (1, 0,
 * 2, 3, -1; less is a point that is not there), `mask_input` [P, 1, 256, 256], `has_mask_input` [1] or [P]. The padding
 * point is added inside. Outputs, `masks` being low-res logits [P, M, 256, 256], not clamped as samexporter's are:
 * - `multi`: samexporter's: `masks`, `iou_predictions` [P, M] of masks 1 to 3;
 * - `single`: of mask 0, or where that is not stable of the best of the others, as Meta's predictor chooses;
 * - `all`: of mask 0, and all four as `multimask_masks` and `multimask_iou_predictions`;
 * and `object_score_logits` [P, 1] in each.
 */
export function sam2ExportOnnx(variant: Sam2ManyVariant): Uint8Array {
  const model = recordedSam2Decoder({ masks: true, maskTokens: [0, 1, 2, 3] });
  const nodes = new NodeList();
  const add = nodes.add.bind(nodes);
  addSam2Features(nodes, { image: "image_embed", fine: "high_res_feats_0", coarse: "high_res_feats_1" });
  addSam2Prompts(nodes, { points: "point_coords", labels: "point_labels" });
  const prompts = add("Slice", [add("Shape", ["point_coords"]), nodes.ints([0]), nodes.ints([1])]);
  const planes = add("Reshape", ["mask_input", nodes.ints([-1, 256, 256])]);
  const size = add("Concat", [prompts, nodes.ints([256, 256])], { axis: 0 });
  add("Expand", [planes, size], {}, "_mask_planes");
  add("Expand", ["has_mask_input", prompts], {}, "_has_mask");
  const before = nodes.take();
  const output = addOutputs(nodes, variant);
  const joined = surrounded(model, {
    name: "sam2_decoder",
    before,
    nodes,
    input: [
      float("image_embed", [1, 256, 64, 64]),
      float("high_res_feats_0", [1, 32, 256, 256]),
      float("high_res_feats_1", [1, 64, 128, 128]),
      float("point_coords", ["num_labels", "num_points", 2]),
      float("point_labels", ["num_labels", "num_points"]),
      float("mask_input", ["num_masks", 1, 256, 256]),
      float("has_mask_input", ["num_has_masks"]),
      ...sam2Weights(model),
    ],
    output,
  });
  return encodeModel(joined);
}

const float = (name: string, dims: (number | string)[]): OnnxValueInfo =>
  valueInfo(name, dataType.float, dims);

const pair = (prefix: string, count: number): OnnxValueInfo[] => [
  float(`${prefix}masks`, ["num_labels", count, 256, 256]),
  float(`${prefix}iou_predictions`, ["num_labels", count]),
];

function addOutputs(nodes: NodeList, variant: Sam2ManyVariant): OnnxValueInfo[] {
  const add = nodes.add.bind(nodes);
  add("Identity", ["_object_score"], {}, "object_score_logits");
  const score = float("object_score_logits", ["num_labels", 1]);
  if (variant === "single") {
    addChosen(nodes, { logits: "masks", iou: "iou_predictions" });
    return [...pair("", 1), score];
  }
  const some = nodes.ints(variant === "multi" ? [1, 2, 3] : [0]);
  for (const [from, to] of results) add("Gather", [from, some], { axis: 1 }, to);
  if (variant === "multi") return [...pair("", 3), score];
  for (const [from, to] of results) add("Identity", [from], {}, `multimask_${to}`);
  return [...pair("", 1), ...pair("multimask_", 4), score];
}

const results = [
  ["_logits", "masks"],
  ["_iou", "iou_predictions"],
] as const;

/**
 * Adds `logits` [P, 1, 256, 256] and `iou` [P, 1], by these names, of the mask that answers where one is asked for, of all
 * four in `_logits` and `_iou`.
 */
export function addChosen(nodes: NodeList, to: { logits: string; iou: string }): void {
  const chosen = chosenMask(nodes);
  for (const [from, name] of [
    ["_logits", to.logits],
    ["_iou", to.iou],
  ] as const) {
    const one = nodes.add("GatherND", [from, chosen], { batch_dims: 1 });
    nodes.add("Unsqueeze", [one, nodes.ints([1])], {}, name);
  }
}

/**
 * The index [P, 1] of the mask that answers (sam2: modeling/sam/mask_decoder.py, _dynamic_multimask_via_stability): mask 0
 * where the IoU of the masks above .05 and above -.05 is .98 or more, else the best of the others by its own prediction.
 */
function chosenMask(nodes: NodeList): string {
  const add = nodes.add.bind(nodes);
  const first = add("Gather", ["_logits", nodes.int(0)], { axis: 1 });
  const above = (threshold: number): string => {
    const inside = add("Cast", [add("Greater", [first, nodes.float(threshold)])], { to: dataType.float });
    return add("ReduceSum", [inside, nodes.ints([1, 2])], { keepdims: 0 });
  };
  const [inner, outer] = [above(0.05), above(-0.05)];
  // No pixel above either is stable, as there 0 is not less than 0
  const wanted = add("Mul", [outer, nodes.float(0.98)]);
  const shaken = add("Cast", [add("Less", [inner, wanted])], { to: dataType.int64 });
  const others = add("Gather", ["_iou", nodes.ints([1, 2, 3])], { axis: 1 });
  const best = add("ArgMax", [others], { axis: 1, keepdims: 0 });
  const index = add("Mul", [shaken, add("Add", [best, nodes.ints([1])])]);
  return add("Unsqueeze", [index, nodes.ints([1])]);
}
