import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { contentsOf, safetensorsStream, type TensorContent } from "../checkpoint/tensor-content.ts";
import { torchFile } from "../checkpoint/torch/write.ts";
import { readVersionWeights } from "../inference/version-weights.ts";
import { sha256 } from "../lib/hash.ts";
import { storedZip, type ZipEntry } from "../lib/zip-writer.ts";
import type { ObjectStore } from "../storage/store.ts";
import { modelCard } from "./card.ts";
import { architectureOf, encoderEntries, encoderTensors } from "./encoder.ts";
import { factsOf } from "./facts.ts";
import { huggingFaceTensors, samConfig, samPreprocessor } from "./hugging-face.ts";
import { decoderOnnxFile } from "./onnx.ts";
import { spool } from "./spool.ts";
import type { ExportedFile, ExportFormat, ExportOptions, ExportSubject } from "./types.ts";

/**
 * A version's weights, or the base's, in a format of the world outside, with its model card. Decoders are made in
 * memory (16 MB), whole models in a temporary file.
 * Throws AppError object_not_found, object_corrupted, export_full_unavailable.
 */
export async function exportVersion(
  store: ObjectStore,
  subject: ExportSubject,
  options: ExportOptions,
): Promise<ExportedFile> {
  const made = await make(store, subject, options);
  const ending = endingOf(options);
  const named = {
    fileName: fileName(subject, options, ending),
    contentType: contentTypes[ending] ?? "application/octet-stream",
  };
  if (made instanceof Readable && options.full) return { ...named, ...(await spool(made)) };
  const content = made instanceof Readable ? await buffer(made) : made;
  return { ...named, bytes: content.byteLength, sha256: sha256(content), content };
}

const endings: Readonly<Record<ExportFormat, string>> = {
  safetensors: "safetensors",
  onnx: "onnx",
  pth: "pth",
  hf: "zip",
  card: "md",
};
const endingOf = ({ format, full }: ExportOptions): string =>
  format === "onnx" && full ? "zip" : endings[format];

const contentTypes: Readonly<Record<string, string>> = {
  zip: "application/zip",
  md: "text/markdown; charset=utf-8",
};

/** `prj_…-v3-onnx-single-full.zip`: project, version, and what else tells one file from another. */
function fileName({ projectId, version }: ExportSubject, options: ExportOptions, ending: string): string {
  const { format, variant, full } = options;
  const parts = [projectId, version ? `v${version.number}` : "base"];
  if (ending === "zip") parts.push(format);
  if (format === "onnx" && variant !== "all") parts.push(variant);
  if (full && format !== "card") parts.push("full");
  return `${parts.join("-")}.${ending}`;
}

async function make(
  store: ObjectStore,
  subject: ExportSubject,
  { format, full, variant }: ExportOptions,
): Promise<Uint8Array | Readable> {
  const { base, version } = subject;
  const card = modelCard(subject);
  if (format === "card") return utf8(card);
  const facts = factsOf(subject);
  const weights = await readVersionWeights(store, version ?? { number: 0 }, base);
  const metadata = { ...facts, model_card: card };
  const readme: ZipEntry = { path: "README.md", content: utf8(card) };
  if (format === "onnx") {
    const decoder = await decoderOnnxFile(weights, variant, metadata);
    if (!full) return decoder;
    return storedZip([readme, { path: "decoder.onnx", content: decoder }, ...(await encoderEntries(base))]);
  }
  const parts = { full, readme, facts, decoder: contentsOf(weights) };
  if (format === "hf") return huggingFaceZip(subject, parts);
  const tensors = [...(full ? await encoderTensors(base) : []), ...parts.decoder];
  if (format === "pth") return torchFile(tensors, { "facts.json": json(facts), "README.md": card });
  // Loaders ask which framework wrote it; the tensors are PyTorch's.
  return safetensorsStream(tensors, { format: "pt", ...metadata });
}

/** The vision encoder's tensors stand in it where transformers has that encoder, else its ONNX file beside them. */
async function huggingFaceZip(
  { base }: ExportSubject,
  parts: { full: boolean; readme: ZipEntry; facts: Record<string, string>; decoder: TensorContent[] },
): Promise<Readable> {
  const { full, readme, facts, decoder } = parts;
  const architecture = architectureOf(base);
  const encoder = full && architecture ? await encoderTensors(base) : [];
  const tensors = huggingFaceTensors([...encoder, ...decoder]);
  return storedZip([
    readme,
    { path: "config.json", content: utf8(json(samConfig(architecture))) },
    { path: "preprocessor_config.json", content: utf8(json(samPreprocessor)) },
    {
      path: "model.safetensors",
      content: () => safetensorsStream(tensors, { format: "pt", ...facts }),
    },
    ...(full && !architecture ? await encoderEntries(base) : []),
  ]);
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
