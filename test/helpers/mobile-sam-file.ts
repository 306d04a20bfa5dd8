import { readFileSync } from "node:fs";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { type NamedTensor, type NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import { tinyVitArchitectures, tinyVitLayout } from "../../src/checkpoint/tiny-vit-layout.ts";
import { decodeModel, float32Values, type OnnxGraph, type OnnxTensor } from "../../src/lib/onnx-proto.ts";
import { seededRandom } from "../../src/lib/random.ts";

/**
 * MobileSAM as its makers' mobile_sam.pt has it: the weights of the built-in model, its ONNX encoder's by their names in
 * PyTorch. The exporter folded each BatchNorm into its convolution; here each gets one of any numbers, and the
 * convolution what makes both together what they were.
 */
export async function mobileSam(): Promise<NamedTensors> {
  const base = baseModel("mobile_sam");
  const encoder = encoderOf(decodeModel(readFileSync(await base.encoderPath())).graph);
  return { ...encoder, ...(await base.decoderWeights()) };
}

const prefix = "image_encoder.";

function encoderOf(graph: OnnxGraph): NamedTensors {
  const layout = tinyVitLayout(tinyVitArchitectures.tiny_vit);
  const constants = new Map<string, OnnxTensor>(graph.initializer.map((one) => [one.name ?? "", one]));
  for (const { opType, output, attribute } of graph.node) {
    const value = attribute?.find(({ name }) => name === "value")?.t;
    if (opType === "Constant" && value) constants.set(output[0] ?? "", value);
  }
  const tensors: Record<string, NamedTensor> = {};
  const set = (name: string, data: Float32Array): void => {
    tensors[name] = { shape: layout[name] ?? [data.length], data };
  };
  /** The constants that nodes of this kind take, in the order of the graph, which is that of the modules. */
  const taken = (
    ops: readonly string[],
    fits: (name: string, tensor: OnnxTensor) => boolean,
  ): OnnxTensor[][] =>
    graph.node
      .filter(({ opType }) => ops.includes(opType))
      .map(({ input }) =>
        input.flatMap((name) => {
          const tensor = constants.get(name);
          return tensor && fits(name, tensor) ? [tensor] : [];
        }),
      )
      .filter((list) => list.length > 0);
  const values = (tensor: OnnxTensor | undefined): Float32Array => float32Values(tensor as OnnxTensor);
  const folded = (name: string): boolean => name.startsWith("onnx::");

  for (const tensor of graph.initializer)
    if (!folded(tensor.name ?? "")) set(prefix + tensor.name, values(tensor));
  const names = Object.keys(layout);
  const convolutions = names.filter((name) => name.endsWith(".c.weight"));
  for (const [i, [weight, bias]] of taken(["Conv"], folded).entries())
    unfold((convolutions[i] as string).slice(0, -".c.weight".length), values(weight), values(bias), set);
  const linears = names.filter((name) => /\.(qkv|proj|fc1|fc2)\.weight$/.test(name));
  for (const [i, [matrix]] of taken(["MatMul"], folded).entries())
    set(linears[i] as string, transposed(values(matrix), matrix?.dims as [number, number]));
  const norms = ["1.weight", "1.bias", "3.weight", "3.bias"];
  for (const [i, [row]] of taken(["Mul", "Add"], folded).entries())
    set(`${prefix}neck.${norms[i]}`, values(row));
  const biases = names.filter((name) => name.endsWith(".attention_biases"));
  const square = (_: string, { dims }: OnnxTensor): boolean => dims.length > 2 && (dims.at(-1) ?? 0) > 40;
  for (const [i, [table]] of taken(["Add"], square).entries()) {
    const count = table?.dims.at(-1) ?? 0;
    // The first token is as far from each as there are distances
    set(
      biases[i] as string,
      values(table).filter((_, at) => at % (count * count) < count),
    );
  }
  return tensors;
}

function unfold(
  name: string,
  weight: Float32Array,
  bias: Float32Array,
  set: (name: string, data: Float32Array) => void,
) {
  const random = seededRandom(bias.length);
  const drawn = (from: number): Float32Array => bias.map(() => from + random.next());
  const [gain, mean, variance] = [drawn(0.5), drawn(-0.5), drawn(0.5)];
  const scale = Float64Array.from(gain, (value, i) => value / Math.sqrt((variance[i] as number) + 1e-5));
  const each = weight.length / bias.length;
  set(
    `${name}.c.weight`,
    weight.map((value, i) => value / (scale[Math.floor(i / each)] as number)),
  );
  set(`${name}.bn.weight`, gain);
  set(
    `${name}.bn.bias`,
    bias.map((value, i) => value + (mean[i] as number) * (scale[i] as number)),
  );
  set(`${name}.bn.running_mean`, mean);
  set(`${name}.bn.running_var`, variance);
}

function transposed(values: Float32Array, [rows, columns]: readonly [number, number]): Float32Array {
  return values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)] as number);
}
