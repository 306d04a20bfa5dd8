import { dataType, encodeModel, type OnnxValueInfo, valueInfo } from "../lib/onnx-proto.ts";
import { enginePoints } from "./export.ts";
import { imageSize, triple, upscale } from "./export-outputs.ts";
import { addServedOutputs, type ServedRefine, settingsOf } from "./export-served.ts";
import { NodeList } from "./onnx-nodes.ts";
import { addSam2Features, addSam2Prompts, recordedSam2Decoder, sam2Weights } from "./sam2-decoder.ts";
import { addChosen } from "./sam2-export.ts";
import { surrounded } from "./surrounded.ts";

/** What is asked of an export of SAM 2 that takes one prompt a call. */
export type OnePromptExport =
  | { readonly variant: "engine" }
  | {
      readonly variant: "served";
      /** What refines masks inside. */
      readonly refine?: ServedRefine | null;
      /** Whether the best of the other masks answers where mask 0 is not stable, as a base's predict does. */
      readonly givesWay?: boolean;
    };

/**
 * SAM 2's decoder for one prompt a call, still with its weights as inputs. Its own inputs are those of sam2-export.ts with
 * P = 1. Outputs, of mask 0 unless it gives way:
 * - `served`: `masks` [1, 1, H, W], logits at the original size, refined where `refine` is given, `iou_predictions` [1, 1],
 *   `low_res_masks` [1, 1, 256, 256]. It takes `orig_im_size` [2] (H, W), and with `refine` `image` (export-served.ts).
 * - `engine`: `low_res_masks` and `iou_predictions`, no shape free: N is enginePoints, of which -2 are not there.
 * Both give `object_score_logits` [1, 1].
 */
export function sam2OnePromptOnnx(asked: OnePromptExport): Uint8Array {
  const isEngine = asked.variant === "engine";
  const refine = (!isEngine && asked.refine) || null;
  const givesWay = !isEngine && (asked.givesWay ?? false);
  const model = recordedSam2Decoder({
    masks: true,
    maskTokens: givesWay ? [0, 1, 2, 3] : [0],
    prompts: 1,
    tokens: isEngine ? enginePoints + 1 : "tokens",
  });
  const nodes = new NodeList();
  const add = nodes.add.bind(nodes);
  addSam2Features(nodes, { image: "image_embed", fine: "high_res_feats_0", coarse: "high_res_feats_1" });
  addSam2Prompts(nodes, { points: "point_coords", labels: "point_labels" });
  add("Reshape", ["mask_input", nodes.ints([1, 256, 256])], {}, "_mask_planes");
  add("Identity", ["has_mask_input"], {}, "_has_mask");
  const before = nodes.take();
  add("Identity", ["_object_score"], {}, "object_score_logits");
  const output = isEngine ? engineOutputs(nodes) : servedOutputs(nodes, { refine, givesWay });
  const points = isEngine ? enginePoints : "num_points";
  const joined = surrounded(model, {
    name: "sam2_decoder",
    before,
    nodes,
    // Refining wants what newer opsets brought
    newest: refine !== null,
    input: [
      float("image_embed", [1, 256, 64, 64]),
      float("high_res_feats_0", [1, 32, 256, 256]),
      float("high_res_feats_1", [1, 64, 128, 128]),
      float("point_coords", [1, points, 2]),
      float("point_labels", [1, points]),
      float("mask_input", [1, 1, 256, 256]),
      float("has_mask_input", [1]),
      ...(isEngine ? [] : [float("orig_im_size", [2])]),
      ...(refine ? [valueInfo("image", dataType.uint8, ["height", "width", 3]), ...settingsOf(refine)] : []),
      ...sam2Weights(model),
    ],
    output: [...output, float("object_score_logits", [1, 1])],
  });
  return encodeModel(joined);
}

const float = (name: string, dims: (number | string)[]): OnnxValueInfo =>
  valueInfo(name, dataType.float, dims);

function engineOutputs(nodes: NodeList): OnnxValueInfo[] {
  nodes.add("Identity", ["_logits"], {}, "low_res_masks");
  nodes.add("Identity", ["_iou"], {}, "iou_predictions");
  return triple("", 1).slice(1).toReversed();
}

function servedOutputs(
  nodes: NodeList,
  { refine, givesWay }: { refine: ServedRefine | null; givesWay: boolean },
): OnnxValueInfo[] {
  if (refine) return addServedOutputs(nodes, { logits: "_logits", iou: "_iou" }, refine, "stretched");
  if (givesWay) addChosen(nodes, { logits: "low_res_masks", iou: "iou_predictions" });
  else engineOutputs(nodes);
  const size = imageSize(nodes);
  const large = upscale(nodes, "low_res_masks", { count: 1, size, fit: "stretched" });
  nodes.add("Identity", [large], {}, "masks");
  return triple("", 1);
}
