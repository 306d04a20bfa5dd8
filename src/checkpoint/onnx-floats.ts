import { dataType, float32Values, type OnnxTensor } from "../lib/onnx-proto.ts";
import { fromHalves } from "./halves.ts";

/** Whether an ONNX tensor is of float32 or float16, whose values a decoder's weights may be. */
export const isFloat = ({ dataType: type }: OnnxTensor): boolean =>
  type === dataType.float || type === dataType.float16;

/**
 * A float32 or float16 tensor's values as float32, a copy, whatever field they lie in. Throws an Error naming a tensor of
 * another type or size, or one that lies in another file.
 */
export function floatValues(tensor: OnnxTensor): Float32Array {
  if (tensor.dataType !== dataType.float16) return float32Values(tensor);
  const { name = "", rawData: raw, int32Data = [] } = tensor;
  if (tensor.dataLocation === 1) throw new Error(`tensor ${name} lies in an external file`);
  const halves = raw?.length
    ? new Uint16Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength))
    : Uint16Array.from(int32Data);
  const size = tensor.dims.reduce((a, b) => a * b, 1);
  if (halves.length !== size)
    throw new Error(`tensor ${name} holds ${halves.length} values, its shape says ${size}`);
  const values = new Float32Array(size);
  fromHalves(halves, values);
  return values;
}
