import type { BaseModel } from "../../checkpoint/base-models.ts";
import type { NamedTensor, NamedTensors } from "../../checkpoint/named-tensors.ts";
import { NodeList } from "../../graphs/onnx-nodes.ts";
import { AppError } from "../../lib/errors.ts";
import { dataType, float32Tensor, valueInfo } from "../../lib/onnx-proto.ts";
import { namedEncoder, type NamedEncoder } from "../named-encoder.ts";

/** SAM's grid of image tokens. */
const side = 64;

/** transformers.js asks for `…onnx_data`, `…onnx_data_1` and so on (its utils/model-loader.js). */
const besideName =
  (graph: string) =>
  (_file: string, i: number): string =>
    `${graph}_data${i ? `_${i}` : ""}`;

/**
 * A base's image encoder by the names that SamModel or Sam2Model asks for: input `pixel_values` [1, 3, 1024, 1024]; of SAM's
 * outputs `image_embeddings` and `image_positional_embeddings` [1, 256, 64, 64], the latter by the decoder's `weights`; of
 * SAM 2's `image_embeddings.0` [1, 32, 256, 256], `.1` [1, 64, 128, 128] and `.2` [1, 256, 64, 64]. `file` is the graph's name.
 * Throws AppError export_full_unavailable where the encoder takes pixels instead of a frame.
 */
export async function visionEncoder(
  base: BaseModel,
  weights: NamedTensors,
  file: string,
): Promise<NamedEncoder> {
  if (base.encoderInput !== "normalised") throw otherInput(base);
  const names = { input: "pixel_values", besideName: besideName(file) };
  if (base.family === "sam2")
    return namedEncoder(base, {
      ...names,
      outputs: {
        high_res_features_0: "image_embeddings.0",
        high_res_features_1: "image_embeddings.1",
        image_embedding: "image_embeddings.2",
      },
    });
  const { model, beside } = await namedEncoder(base, {
    ...names,
    outputs: { image_embedding: "image_embeddings" },
  });
  const nodes = new NodeList();
  const matrix = weights["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"] as NamedTensor;
  addPositions(nodes, matrix);
  const { graph } = model;
  const positions = valueInfo("image_positional_embeddings", dataType.float, [1, 256, side, side]);
  return {
    beside,
    model: {
      ...model,
      graph: {
        ...graph,
        node: [...graph.node, ...nodes.take()],
        initializer: [...graph.initializer, ...nodes.initializers],
        output: [...graph.output, positions],
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

const otherInput = ({ name }: BaseModel): AppError =>
  new AppError(
    "export_full_unavailable",
    `format: the image encoder of ${name} takes RGB pixels, and transformers.js gives normalised ones; format=bundle and format=onnx carry it as it is.`,
    { param: "format" },
  );
