import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { contentsOf, safetensorsStream } from "../checkpoint/tensor-content.ts";
import { metaSam2Name } from "../checkpoint/sam2-decoder.ts";
import { torchFile } from "../checkpoint/torch/write.ts";
import { readVersionWeights } from "../inference/decoder/version-weights.ts";
import { readFinderOf } from "../inference/find/finder-weights.ts";
import { AppError } from "../lib/errors.ts";
import { sha256 } from "../lib/hash.ts";
import { storedZip, type ZipEntry } from "../lib/zip-writer.ts";
import type { ObjectStore } from "../storage/store.ts";
import { bundleEntries } from "./bundle.ts";
import { modelCard } from "./card.ts";
import { encoderTensors } from "./encoder.ts";
import { factsOf } from "./facts.ts";
import { huggingFaceEntries } from "./hugging-face-entries.ts";
import { decoderOnnxFile, onnxEncoder } from "./onnx.ts";
import { sam2ExportVariants } from "../graphs/files.ts";
import { spool } from "./spool.ts";
import { transformersJsEntries } from "./transformers-js/entries.ts";
import {
  bringsEncoder,
  type ExportedFile,
  type ExportFormat,
  type ExportOptions,
  type ExportSubject,
  holdsOf,
  isWhole,
} from "./types.ts";

/**
 * A version's weights, or the base's, in a format of the world outside, with its model card. Decoders are made in
 * memory (16 MB), whole models in a temporary file.
 * Throws AppError object_not_found, object_corrupted, export_full_unavailable, export_served_unavailable.
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
  if (made instanceof Readable && isWhole(options)) return { ...named, ...(await spool(made)) };
  const content = made instanceof Readable ? await buffer(made) : made;
  return { ...named, bytes: content.byteLength, sha256: sha256(content), content };
}

const endings: Readonly<Record<ExportFormat, string>> = {
  safetensors: "safetensors",
  onnx: "onnx",
  pth: "pth",
  hf: "zip",
  transformersjs: "zip",
  bundle: "zip",
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
  if (full && format !== "card" && !bringsEncoder(format)) parts.push("full");
  return `${parts.join("-")}.${ending}`;
}

async function make(
  store: ObjectStore,
  subject: ExportSubject,
  options: ExportOptions,
): Promise<Uint8Array | Readable> {
  const { format, full, variant } = options;
  const { base, version } = subject;
  checkVariant(subject, options);
  const card = modelCard(subject, options);
  if (format === "card") return utf8(card);
  const facts = factsOf(subject, holdsOf(subject, options));
  const weights = await readVersionWeights(store, version ?? { number: 0 }, base);
  const metadata = { ...facts, model_card: card };
  const readme: ZipEntry = { path: "README.md", content: utf8(card) };
  if (format === "bundle") {
    const finder = version?.finder ? await readFinderOf(store, version, version.finder) : null;
    return storedZip(await bundleEntries(subject, { readme, metadata, weights, finder }));
  }
  if (format === "transformersjs")
    return storedZip(await transformersJsEntries(subject, { readme, metadata, weights }));
  if (format === "onnx") {
    const refine = variant === "served" ? (version?.focus.refine ?? null) : null;
    const decoder = await decoderOnnxFile(weights, { variant, refine, ofBase: !version }, metadata);
    if (!full) return decoder;
    return storedZip([readme, { path: "decoder.onnx", content: decoder }, ...(await onnxEncoder(base))]);
  }
  if (format === "hf") return storedZip(await huggingFaceEntries(subject, { full, readme, facts, weights }));
  const decoder = contentsOf(weights);
  const encoder = full ? await encoderTensors(subject) : [];
  if (format === "pth") {
    const extra = { "facts.json": json(facts), "README.md": card };
    if (base.family === "sam") return torchFile([...encoder, ...decoder], { extra });
    const renamed = decoder.map((tensor) => ({ ...tensor, name: metaSam2Name(tensor.name) }));
    // As Meta's own checkpoints of SAM 2 are
    return torchFile([...encoder, ...renamed], { extra, under: "model" });
  }
  // Loaders ask which framework wrote it; the tensors are PyTorch's.
  return safetensorsStream([...encoder, ...decoder], { format: "pt", ...metadata });
}

/**
 * A graph makes no views: it answers on one embedding. Throws AppError export_served_unavailable, or
 * export_format_unsupported for CVAT's browser plugin, which decodes SAM's embeddings alone.
 */
function checkVariant({ base, version }: ExportSubject, { format, variant }: ExportOptions): void {
  // CVAT is the only one that SAM 2 lacks
  if (format === "onnx" && base.family === "sam2" && !sam2ExportVariants.some((one) => one === variant))
    throw new AppError(
      "export_format_unsupported",
      `variant: ${variant} is not offered for ${base.name}, a SAM 2: CVAT's browser plugin takes SAM's one embedding of an ` +
        "image that is not stretched, and CVAT has none for SAM 2. Serve it to CVAT as an interactor on the server instead, " +
        `by examples/cvat (docs/cvat.md), or take another variant: ${sam2ExportVariants.join(", ")}.`,
      { param: "variant" },
    );
  if (format !== "onnx" || variant !== "served" || !version?.focus.zoom) return;
  throw new AppError(
    "export_served_unavailable",
    "variant: this version encodes a window round each prompt, which one ONNX graph can't do; format=bundle is all of it, the other variants are its decoder alone.",
    { param: "variant" },
  );
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
