import { open, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { EncoderInput } from "../../checkpoint/base-models.ts";
import { RefusedFile } from "../../checkpoint/refused.ts";
import { readBytes } from "../../checkpoint/tensor-file.ts";
import type { ModelFamily } from "../../domain/model-family.ts";
import { dataType, decodeModel, encodeModel, type OnnxTensor } from "../../lib/onnx-proto.ts";
import { tryEncoder } from "../staging/try-encoder.ts";
import { withInt8Products } from "./int8-products.ts";

export interface QuantisedEncoder {
  /** Linear layers whose products are integers now. */
  readonly products: number;
  /** Weights of the encoder that it was made of. */
  readonly parameters: number;
}

/**
 * Reads the image encoder at `path` with the weights beside it, writes one with int8 products to `to`, all of it in one
 * file, and encodes a plain image with it. Throws RefusedFile `wrong_architecture` where it has no linear layer that could
 * be changed, and what tryEncoder throws.
 */
export async function quantiseEncoder(encoder: {
  path: string;
  to: string;
  encoderInput: EncoderInput;
  family: ModelFamily;
}): Promise<QuantisedEncoder> {
  const { path, to, encoderInput, family } = encoder;
  const model = decodeModel(await readFile(path));
  const { graph } = model;
  const initializer: OnnxTensor[] = [];
  for (const tensor of graph.initializer) initializer.push(await inside(tensor, dirname(path)));
  const { model: small, products } = withInt8Products({ ...model, graph: { ...graph, initializer } });
  if (products === 0)
    throw new RefusedFile(
      "wrong_architecture",
      `${path} has no float32 linear layer that could be computed in int8`,
    );
  await writeFile(to, encodeModel(small));
  await tryEncoder(to, encoderInput, family);
  const floats = initializer.filter(({ dataType: type }) => type === dataType.float);
  return { products, parameters: floats.reduce((sum, { dims }) => sum + dims.reduce((a, b) => a * b, 1), 0) };
}

/** A weight with its values, which may lie in a file of `folder`. */
async function inside(tensor: OnnxTensor, folder: string): Promise<OnnxTensor> {
  const { externalData, dataLocation, ...own } = tensor;
  if (dataLocation !== 1) return tensor;
  const said = new Map(externalData?.map(({ key, value }) => [key, value]));
  const file = await open(join(folder, basename(said.get("location") ?? "")));
  try {
    const rawData = await readBytes(file, Number(said.get("offset") ?? 0), Number(said.get("length") ?? 0));
    return { ...own, rawData };
  } finally {
    await file.close();
  }
}
