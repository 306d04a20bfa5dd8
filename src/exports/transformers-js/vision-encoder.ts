import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { BaseModel } from "../../checkpoint/base-models.ts";
import type { NamedTensor } from "../../checkpoint/named-tensors.ts";
import { NodeList } from "../../graphs/onnx-nodes.ts";
import { AppError } from "../../lib/errors.ts";
import {
  dataType,
  decodeModel,
  float32Tensor,
  type OnnxModel,
  type OnnxTensor,
  valueInfo,
} from "../../lib/onnx-proto.ts";
import type { ZipEntry } from "../../lib/zip-writer.ts";
import { weightFiles } from "../encoder.ts";

/** SAM's grid of image tokens. */
const side = 64;

export interface VisionEncoder {
  /** Input `pixel_values` [1, 3, 1024, 1024]; outputs `image_embeddings` and `image_positional_embeddings` [1, 256, 64, 64]. */
  readonly model: OnnxModel;
  /** The files that its weights lie in, by the names that the graph says; none where they lie inside. */
  readonly beside: readonly ZipEntry[];
}

/**
 * A base's image encoder by the names that SamModel asks for. `matrix` [2, 128] is the positional matrix of the prompt
 * encoder. Throws AppError export_full_unavailable where the encoder takes pixels instead of SAM's frame.
 */
export async function visionEncoder(
  base: BaseModel,
  matrix: NamedTensor,
  name: string,
): Promise<VisionEncoder> {
  if (base.encoderInput !== "normalised") throw otherInput(base);
  const path = await base.encoderPath();
  const model = decodeModel(await readFile(path));
  const { graph } = model;
  const stored = new Set(graph.initializer.map((tensor) => tensor.name));
  const input = graph.input.find((given) => !stored.has(given.name))?.name ?? "";
  const output = graph.output[0]?.name ?? "";
  const nodes = new NodeList();
  nodes.add("Identity", ["pixel_values"], {}, input);
  const before = nodes.take();
  nodes.add("Identity", [output], {}, "image_embeddings");
  addPositions(nodes, matrix);
  // transformers.js asks for `…onnx_data`, `…onnx_data_1` and so on (its utils/model-loader.js).
  const names = new Map(weightFiles(model).map((file, i) => [file, `${name}_data${i ? `_${i}` : ""}`]));
  const tensor = (own: string) => valueInfo(own, dataType.float, [1, 256, side, side]);
  return {
    beside: [...names].map(([file, own]) => ({
      path: `onnx/${own}`,
      content: () => createReadStream(join(dirname(path), file)),
    })),
    model: {
      ...model,
      graph: {
        ...graph,
        node: [...before, ...graph.node, ...nodes.take()],
        initializer: [...graph.initializer.map((weight) => relocated(weight, names)), ...nodes.initializers],
        input: [
          valueInfo("pixel_values", dataType.float, [1, 3, 1024, 1024]),
          ...graph.input.filter((given) => given.name !== input),
        ],
        output: [tensor("image_embeddings"), tensor("image_positional_embeddings")],
      },
    },
  };
}

/** PromptEncoder.get_dense_pe (model/prompt-encoder.ts), by operators that every opset has. */
function addPositions(nodes: NodeList, { shape, data }: NamedTensor): void {
  const add = nodes.add.bind(nodes);
  const centres = Float32Array.from({ length: 2 * side * side }, (_, i) => {
    const token = i >> 1;
    return 2 * (((i % 2 === 0 ? token % side : Math.floor(token / side)) + 0.5) / side) - 1;
  });
  const [grid, matrix] = ["_positions_grid", "_positions_matrix"];
  nodes.initializers.push(float32Tensor(grid, [side * side, 2], centres), float32Tensor(matrix, shape, data));
  const angle = add("Mul", [add("MatMul", [grid, matrix]), nodes.floats([2 * Math.PI])]);
  const waves = add("Concat", [add("Sin", [angle]), add("Cos", [angle])], { axis: 1 });
  const planes = add("Transpose", [waves], { perm: [1, 0] });
  add("Reshape", [planes, nodes.ints([1, 256, side, side])], {}, "image_positional_embeddings");
}

/** The same weights where their files have other names. */
const relocated = (weight: OnnxTensor, names: ReadonlyMap<string, string>): OnnxTensor => ({
  ...weight,
  ...(weight.externalData && {
    externalData: weight.externalData.map(({ key, value }) => ({
      key,
      value: key === "location" ? (names.get(basename(value)) ?? value) : value,
    })),
  }),
});

const otherInput = ({ name }: BaseModel): AppError =>
  new AppError(
    "export_full_unavailable",
    `format: the image encoder of ${name} takes RGB pixels, and SamModel gives normalised ones; format=bundle and format=onnx carry it as it is.`,
    { param: "format" },
  );
