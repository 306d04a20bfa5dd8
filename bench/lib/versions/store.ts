import { baseModel } from "../../../src/checkpoint/base-models.ts";
import { encodeSafetensors } from "../../../src/checkpoint/safetensors.ts";
import type { Focus } from "../../../src/domain/focus.ts";
import type { Call } from "../world.ts";

/** The last bias of the IoU prediction: another one makes other weights, and the same masks. */
const shifted = "mask_decoder.iou_prediction_head.layers.2.bias";

/**
 * The base's own decoder as a version of the project at path `under` with this focus; gives its number. What it answers is
 * not the point, only how long that takes; `change` makes its weights others than the last one's.
 */
export async function storeVersion(call: Call, under: string, focus: Focus, change = 0): Promise<number> {
  const base = baseModel("mobile_sam");
  const metadata = { base_model: base.name, focus: JSON.stringify(focus) };
  const weights = { ...(await base.decoderWeights()) };
  const bias = weights[shifted];
  if (bias) weights[shifted] = { ...bias, data: bias.data.map((value) => value + change) };
  const file = encodeSafetensors(weights, metadata);
  const { number } = await call(`${under}/versions`, Buffer.from(file), "application/octet-stream");
  return Number(number);
}
