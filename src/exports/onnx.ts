import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { BaseModel } from "../checkpoint/base-models.ts";
import { producer, toBase64, unusedKey } from "../checkpoint/decoder-onnx.ts";
import { decoderLayouts, familyOfDecoder } from "../checkpoint/decoder-layouts.ts";
import type { NamedTensors } from "../checkpoint/named-tensors.ts";
import { type ExportVariant, graphsFolder, readExportGraphs } from "../graphs/files.ts";
import {
  decodeModel,
  encodeModel,
  float32Tensor,
  type OnnxEntry,
  type OnnxModel,
  type OnnxTensor,
} from "../lib/onnx-proto.ts";
import type { Refine } from "../domain/focus.ts";
import type { ZipEntry } from "../lib/zip-writer.ts";
import { encoderEntries } from "./encoder.ts";
import { namedEncoder } from "./named-encoder.ts";
import { refineConstants, refineKindOf } from "./refine.ts";

/**
 * The decoder as one ONNX file: the prebuilt graph of a variant with these weights inside, each by Meta's name, so that
 * the file can be imported again. `refine` and
 * `ofBase` are for the variant `served` alone: what refines masks inside, too, and whether an untuned base answers, which may
 * answer with another mask than a version. `metadata` becomes the file's own properties. Throws an Error when the graphs
 * have not been built.
 */
export async function decoderOnnxFile(
  weights: NamedTensors,
  {
    variant,
    refine = null,
    ofBase = false,
  }: { variant: ExportVariant; refine?: Refine | null; ofBase?: boolean },
  metadata: Readonly<Record<string, string>>,
  folder = graphsFolder,
): Promise<Uint8Array> {
  const kind = refine && refineKindOf(refine);
  const family = familyOfDecoder(weights);
  const fitting = readExportGraphs(folder).filter(
    (graph) => graph.family === family && graph.variant === variant && graph.refine === kind,
  );
  const entry = fitting.find((graph) => graph.of_base === ofBase) ?? fitting[0];
  if (!entry)
    throw new Error(`no export graph ${variant} of ${family} in ${folder}; run: npm run build:graphs`);
  const model = decodeModel(await readFile(join(folder, entry.file)));
  const constants = refine ? refineConstants(refine, "refine.") : [];
  return encodeModel(withWeights(model, weights, { constants, metadata }));
}

/**
 * The image encoder beside `decoder.onnx`: `encoder.onnx` and the files of its weights. SAM 2's is in samexporter's layout:
 * input `image`, outputs `high_res_feats_0`, `high_res_feats_1` and `image_embed`, in this order.
 */
export async function onnxEncoder(base: BaseModel): Promise<ZipEntry[]> {
  if (base.family === "sam") return encoderEntries(base);
  const { model, beside } = await namedEncoder(base, {
    input: "image",
    outputs: {
      high_res_features_0: "high_res_feats_0",
      high_res_features_1: "high_res_feats_1",
      image_embedding: "image_embed",
    },
    besideName: (file) => file,
  });
  return [{ path: "encoder.onnx", content: encodeModel(model) }, ...beside];
}

/**
 * A graph that wants the decoder's weights as inputs with those weights inside, and with `constants`, which are other
 * inputs of it. Weights that it has no use for become properties. Throws an Error when a weight is missing.
 */
export function withWeights(
  model: OnnxModel,
  weights: NamedTensors,
  {
    constants = [],
    metadata,
  }: { constants?: readonly OnnxTensor[]; metadata: Readonly<Record<string, string>> },
): OnnxModel {
  const inside = new Set(constants.map(({ name }) => name));
  const layout = decoderLayouts[familyOfDecoder(weights)];
  const isInside = (name: string): boolean => Object.hasOwn(layout, name) || inside.has(name);
  // onnxruntime would warn of initialisers that nobody reads.
  const used = new Set(model.graph.node.flatMap((node) => node.input));
  const initializer: OnnxTensor[] = [];
  const unused: OnnxEntry[] = [];
  for (const name of Object.keys(layout)) {
    const tensor = weights[name];
    if (!tensor) throw new Error(`the weight ${name} is missing`);
    if (used.has(name)) initializer.push(float32Tensor(name, tensor.shape, tensor.data));
    else unused.push({ key: unusedKey(name), value: toBase64(tensor.data) });
  }
  return {
    ...model,
    producerName: producer,
    metadataProps: [...Object.entries(metadata).map(([key, value]) => ({ key, value })), ...unused],
    graph: {
      ...model.graph,
      input: model.graph.input.filter(({ name }) => !isInside(name)),
      initializer: [...model.graph.initializer, ...constants, ...initializer],
    },
  };
}
