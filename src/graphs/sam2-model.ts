import { dataType, encodeModel, type OnnxValueInfo, valueInfo } from "../lib/onnx-proto.ts";
import { NodeList } from "./onnx-nodes.ts";
import { surrounded } from "./surrounded.ts";
import { addSam2Features, addSam2Prompts, recordedSam2Decoder, sam2Weights } from "./sam2-decoder.ts";

/**
 * SAM 2's decoder as transformers.js's Sam2Model calls it (its models/sam2/modeling_sam2.js), still with its weights as
 * inputs. Inputs: `image_embeddings.0` [1, 32, 256, 256], `.1` [1, 64, 128, 128], `.2` [1, 256, 64, 64]; `input_points`
 * [1, P, N, 2] in pixels of the 1024 frame with `input_labels` [1, P, N] int64 (1, 0, 2 and 3 for the corners of a box, -1
 * for padding, less for a point that is not there), and `input_boxes` [1, B, 4]. It fills in [1, 0, 4] where there are no
 * boxes, and [1, 1, 0, 2] where there are no points; with both there is one box, for all prompts. The padding point is
 * added inside.
 * Outputs: `iou_scores` [1, P, 1], `pred_masks` [1, P, 1, 256, 256], low-res logits of mask 0, and `object_score_logits`
 * [1, P, 1].
 */
export function sam2ModelOnnx(): Uint8Array {
  const model = recordedSam2Decoder({ masks: false, maskTokens: [0] });
  const nodes = new NodeList();
  const add = nodes.add.bind(nodes);
  addSam2Features(nodes, {
    image: "image_embeddings.2",
    fine: "image_embeddings.0",
    coarse: "image_embeddings.1",
  });
  const first = nodes.ints([0]);
  const points = add("Squeeze", ["input_points", first]);
  const labels = add("Cast", [add("Squeeze", ["input_labels", first])], { to: dataType.float });
  // Boxes [B, 4] as corners [B, 2, 2]: of no box, corners [P, 2, 2] that are not there
  const boxes = add("Squeeze", ["input_boxes", first]);
  const corners = add("Reshape", [boxes, nodes.ints([-1, 2, 2])]);
  joinPrompts(nodes, { points, labels, corners });
  addSam2Prompts(nodes, { points: "_all_points", labels: "_all_labels" });
  const before = nodes.take();
  for (const [from, to] of [
    ["_iou", "iou_scores"],
    ["_logits", "pred_masks"],
    ["_object_score", "object_score_logits"],
  ] as const)
    add("Unsqueeze", [from, first], {}, to);
  const joined = surrounded(model, {
    name: "sam2_model_decoder",
    before,
    nodes,
    input: [
      float("image_embeddings.0", [1, 32, 256, 256]),
      float("image_embeddings.1", [1, 64, 128, 128]),
      float("image_embeddings.2", [1, 256, 64, 64]),
      float("input_points", [1, "point_batch_size", "num_points", 2]),
      valueInfo("input_labels", dataType.int64, [1, "label_batch_size", "num_labels"]),
      float("input_boxes", [1, "num_boxes", 4]),
      ...sam2Weights(model),
    ],
    output: [
      float("iou_scores", [1, "prompts", 1]),
      float("pred_masks", [1, "prompts", 1, 256, 256]),
      float("object_score_logits", [1, "prompts", 1]),
    ],
  });
  return encodeModel(joined);
}

const float = (name: string, dims: (number | string)[]): OnnxValueInfo =>
  valueInfo(name, dataType.float, dims);

/**
 * Adds `_all_points` [Q, N + 2, 2] and `_all_labels`: points, then a box's corners, which are not there (-2) where there is
 * no box. Points [P, N, 2], labels [P or B, N], corners [B, 2, 2]; Q is the larger of P and B, the other one of 0 or 1.
 */
function joinPrompts(
  nodes: NodeList,
  { points, labels, corners }: Record<"points" | "labels" | "corners", string>,
): void {
  const add = nodes.add.bind(nodes);
  const zero = nodes.ints([0]);
  const one = nodes.ints([1]);
  const countOf = (value: string): string => add("Slice", [add("Shape", [value]), zero, one]);
  const [given, drawn] = [countOf(points), countOf(corners)];
  const count = add("Max", [given, drawn]);
  const sized = (value: string, tail: string[]): string =>
    add("Expand", [value, add("Concat", [count, ...tail], { axis: 0 })]);
  const perPrompt = add("Slice", [add("Shape", [points]), one, nodes.ints([2])]);
  // A corner more than there are, so that there is always one to repeat
  const spare = add("Pad", [corners, nodes.ints([0, 0, 0, 1, 0, 0])]);
  const used = add("Slice", [spare, zero, add("Max", [drawn, one])]);
  const two = nodes.ints([2]);
  const all = [sized(points, [perPrompt, two]), sized(used, [two, two])];
  add("Concat", all, { axis: 1 }, "_all_points");
  const isDrawn = add("Cast", [add("Greater", [drawn, zero])], { to: dataType.float });
  // 2 and 3 of a box, and -2 and -2 of none
  const cornerLabels = add("Sub", [
    add("Mul", [add("Add", [nodes.floats([2, 3]), nodes.floats([2])]), isDrawn]),
    nodes.floats([2]),
  ]);
  const labelRows = add("Unsqueeze", [cornerLabels, zero]);
  add("Concat", [sized(labels, [perPrompt]), sized(labelRows, [two])], { axis: 1 }, "_all_labels");
}
