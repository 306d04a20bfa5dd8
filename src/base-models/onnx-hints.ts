import { decodeModel } from "../lib/onnx-proto.ts";

const instead = "or name the model's own weights (.pth, model.safetensors) as the decoder";

/** Why an ONNX decoder was not read, with what to do about it where its file tells. */
export function withHint(message: string, file: Uint8Array): string {
  if (message.includes("lies in an external file"))
    return `${message}; save it with its weights inside: onnx.save(onnx.load(path), "decoder.onnx")`;
  if (message.includes("not float32"))
    return `${message}; a decoder is tuned and recorded anew, in float32: export it so, ${instead}`;
  if (!message.includes("is missing")) return message;
  if (isQuantised(file))
    return `its weights are quantised, and a decoder is tuned and recorded anew, in float32: export it so, ${instead}. ${message}`;
  if (message.includes("mask_decoder.iou_token.weight is missing"))
    return `there is no mask decoder of SAM's in the ONNX file. ${message}`;
  // What Transformers.js's decoders leave out, as they take points only
  if (message.includes("point_embeddings.2.weight is missing") && message.includes("mask_downscaling"))
    return `${message}. An ONNX decoder for points only lacks these: ${instead.slice(3)}`;
  return message;
}

function isQuantised(file: Uint8Array): boolean {
  try {
    return decodeModel(file).graph.node.some(({ opType }) => /QuantizeLinear$|Integer$|NBits$/.test(opType));
  } catch {
    return false;
  }
}
