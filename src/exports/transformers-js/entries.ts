import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isUnusedKey } from "../../checkpoint/decoder-onnx.ts";
import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import { samModelGraph } from "../../graphs/files.ts";
import { decodeModel, encodeModel, type OnnxModel } from "../../lib/onnx-proto.ts";
import type { ZipEntry } from "../../lib/zip-writer.ts";
import { huggingFaceConfigs } from "../hugging-face-entries.ts";
import { withWeights } from "../onnx.ts";
import type { ExportSubject } from "../types.ts";
import { withInt8Weights } from "./int8-weights.ts";
import { visionEncoder } from "./vision-encoder.ts";

const encoderFile = "vision_encoder";
const decoderFile = "prompt_encoder_mask_decoder";

const preprocessors = { sam: "preprocess.mjs", sam2: "preprocess-sam2.mjs" } as const;

/**
 * A folder that SamModel.from_pretrained of transformers.js 4.3 loads, or Sam2Model's of a SAM 2: files by the names that it makes of sessions and
 * dtypes (its models/session_config.js, utils/dtypes.js): fp32 `….onnx`, q8 `…_quantized.onnx`. An encoder whose weights
 * lie in files of their own comes as fp32 alone, and the config says so.
 * Throws AppError export_full_unavailable where the base's encoder takes pixels.
 */
export async function transformersJsEntries(
  subject: ExportSubject,
  parts: { readme: ZipEntry; metadata: Readonly<Record<string, string>>; weights: NamedTensors },
): Promise<ZipEntry[]> {
  const { readme, metadata, weights } = parts;
  const { base } = subject;
  const encoder = await visionEncoder(base, weights, `${encoderFile}.onnx`);
  const apart = encoder.beside.length;
  const graph = decodeModel(await readFile(samModelGraph(base.family)));
  const decoder = withWeights(graph, weights, { metadata });
  const configs = huggingFaceConfigs(subject, { held: true });
  const config = {
    ...configs.config,
    ...(apart > 0 && { "transformers.js_config": onlyExact(apart) }),
  };
  return [
    readme,
    { path: "config.json", content: json(config) },
    { path: "preprocessor_config.json", content: json(configs.preprocessor) },
    {
      path: "preprocess.mjs",
      content: await readFile(join(import.meta.dirname, preprocessors[base.family])),
    },
    model(encoderFile, encoder.model),
    ...encoder.beside.map((entry) => ({ ...entry, path: `onnx/${entry.path}` })),
    ...(apart > 0 ? [] : [model(`${encoderFile}_quantized`, withInt8Weights(encoder.model))]),
    model(decoderFile, decoder),
    model(`${decoderFile}_quantized`, withInt8Weights(withoutUnused(decoder))),
  ];
}

/** Browsers ask for q8 where nothing is said. */
const onlyExact = (files: number): object => ({
  dtype: { [encoderFile]: "fp32", [decoderFile]: "fp32" },
  use_external_data_format: { [`${encoderFile}.onnx`]: files },
});

/** Tensors that travel as properties are for imports, which read no 8-bit weights. */
const withoutUnused = (decoder: OnnxModel): OnnxModel => ({
  ...decoder,
  metadataProps: (decoder.metadataProps ?? []).filter(({ key }) => !isUnusedKey(key)),
});

const model = (name: string, graph: OnnxModel): ZipEntry => ({
  path: `onnx/${name}.onnx`,
  content: encodeModel(graph),
});

const json = (value: unknown): Uint8Array => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
