import { readFile } from "node:fs/promises";
import ort from "../../src/lib/onnxruntime.ts";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { paddedInput } from "../../src/imaging/preprocess.ts";
import { dataType, decodeModel, encodeModel, type OnnxModel, valueInfo } from "../../src/lib/onnx-proto.ts";
import { once } from "../../src/lib/once.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { graphStage } from "./graph-stage.ts";
import { near } from "./judge.ts";
import { drawnPicture } from "./picture.ts";
import type { Stage } from "./stages.ts";

/** Sixty layers, each summed in another order. */
const close = 2e-3;

const image = (): ort.Tensor => new ort.Tensor(paddedInput(drawnPicture()), [1, 3, 1024, 1024]);

/** MobileSAM's image encoder on a picture of 4:3, padded to [1, 3, 1024, 1024]. */
export const encodeStage = async (): Promise<Stage> =>
  graphStage({
    name: "encode",
    graphs: [{ model: await baseModel("mobile_sam").encoderPath(), outputs: ["output"] }],
    feeds: () => Promise.resolve({ input: image() }),
    judge: near(close),
  });

/** The picture's embedding by the CPU, [64, 64, 256], channels last as the decoder takes it. */
export const cpuEmbedding = once(async (): Promise<Float32Array> => {
  const session = await ort.InferenceSession.create(await baseModel("mobile_sam").encoderPath(), {
    executionProviders: ["cpu"],
    logSeverityLevel: 3,
  });
  const { output } = await session.run({ input: image() });
  await session.release();
  const from = output?.data as Float32Array;
  return Float32Array.from(
    { length: from.length },
    (_, i) => from[(i % 256) * 4096 + Math.floor(i / 256)] as number,
  );
});

/** Parts of the encoder by themselves, on drawn activations of their true sizes: see `parts`. */
export async function encoderPartStages(): Promise<Stage[]> {
  const model = decodeModel(await readFile(await baseModel("mobile_sam").encoderPath()));
  return parts.map(({ name, from, shape, to }) =>
    graphStage({
      name,
      graphs: [{ model: cutOut(model, from, shape, to), outputs: [to] }],
      feeds: () => {
        const random = seededRandom(9);
        const size = shape.reduce<number>((a, b) => a * b, 1);
        const data = Float32Array.from({ length: size }, () => random.normal());
        return Promise.resolve({ [from]: new ort.Tensor(data, [...shape]) });
      },
      judge: near(close),
    }),
  );
}

/** The convolutions at its start, and a block of attention in windows with its convolution and its perceptron. */
const parts = [
  {
    name: "encoder's first convolutions",
    from: "input",
    shape: [1, 3, 1024, 1024],
    to: "/patch_embed/seq/seq.2/c/Conv_output_0",
  },
  {
    name: "encoder block, windows of 14",
    from: "/layers.1/downsample/Transpose_1_output_0",
    shape: [1, 4096, 160],
    to: "/layers.2/blocks.0/Add_1_output_0",
  },
] as const;

/** The nodes between two values of a graph, as a graph of its own with the weights that they want. */
function cutOut(model: OnnxModel, from: string, shape: readonly number[], to: string): Uint8Array {
  const makers = new Map(model.graph.node.flatMap((node) => node.output.map((name) => [name, node])));
  const wanted = new Set<(typeof model.graph.node)[number]>();
  const names = [to];
  for (const name of names) {
    const node = name === from ? undefined : makers.get(name);
    if (!node || wanted.has(node)) continue;
    wanted.add(node);
    names.push(...node.input);
  }
  const asked = new Set(names);
  return encodeModel({
    ...model,
    graph: {
      name: "part",
      node: model.graph.node.filter((node) => wanted.has(node)),
      initializer: model.graph.initializer.filter(({ name = "" }) => asked.has(name)),
      input: [valueInfo(from, dataType.float, shape)],
      output: [{ name: to, type: { tensorType: { elemType: dataType.float } } }],
    },
  });
}
