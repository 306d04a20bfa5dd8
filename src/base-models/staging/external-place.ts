import { RefusedFile } from "../../checkpoint/refused.ts";
import { dataType, type OnnxTensor } from "../../lib/onnx-proto.ts";

/** What a weight's file may be called: a name in the model's own folder, never a path. */
const plainName = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/;

/** Bytes of a value where they are not four. */
const sizes = new Map<number, number>([
  [dataType.int64, 8],
  [dataType.double, 8],
  [dataType.float16, 2],
  [dataType.uint8, 1],
  [dataType.int8, 1],
  [dataType.bool, 1],
]);

/**
 * Where the values of a weight lie that is kept outside its ONNX file: a file beside that one, and bytes. Throws RefusedFile
 * `unreadable` for a name that is none, or an offset that is no byte.
 */
export function externalPlace(tensor: OnnxTensor): { file: string; offset: number; length: number } {
  const said = new Map(tensor.externalData?.map(({ key, value }) => [key, value]));
  const file = said.get("location") ?? "";
  if (!plainName.test(file))
    throw new RefusedFile(
      "unreadable",
      `${tensor.name} lies in ${JSON.stringify(file)}, which is no file beside the ONNX file`,
    );
  // What a file says of the length is not asked
  const length = tensor.dims.reduce((a, b) => a * b, sizes.get(tensor.dataType) ?? 4);
  const offset = Number(said.get("offset") ?? 0);
  if (!Number.isSafeInteger(offset) || offset < 0)
    throw new RefusedFile("unreadable", `${tensor.name} begins at no byte of its file`);
  return { file, offset, length };
}
