import { access, readFile, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readDecoderOnnx } from "../checkpoint/decoder-onnx.ts";
import { decoderLayouts, familyOfDecoder } from "../checkpoint/decoder-layouts.ts";
import { checkLayout } from "../checkpoint/layout.ts";
import { decoderFromOnnx } from "../checkpoint/mobile-sam.ts";
import { asHalves } from "../checkpoint/halves.ts";
import type { NamedTensor, NamedTensors } from "../checkpoint/named-tensors.ts";
import { RefusedFile } from "../checkpoint/refused.ts";
import { lacksObjectScore } from "../checkpoint/sam2-decoder.ts";
import { decodeSafetensors } from "../checkpoint/safetensors.ts";
import type { ModelFamily } from "../domain/model-family.ts";
import { messageOf } from "../lib/errors.ts";
import type { TensorFile } from "../checkpoint/tensor-file.ts";
import { addAdapter } from "./adapter.ts";
import type { Identified } from "./identify.ts";
import { identifyFile } from "./identify-file.ts";
import { withHint } from "./onnx-hints.ts";
import { onnxParts } from "./onnx-parts.ts";
import { findPacked, type Source } from "./open.ts";
import { allFinite, readDecoderWeights } from "./staging/stage.ts";

/** A decoder read from a file, every tensor checked. */
export interface DecoderFile {
  readonly format: "safetensors" | "pth" | "onnx";
  readonly family: ModelFamily;
  /** Prompt encoder and mask decoder by the names of SAM's. */
  readonly tensors: NamedTensors;
  /** What the file says of itself, without its model card; unchecked. */
  readonly says: Readonly<Record<string, string>>;
  /** Type of the image encoder that the file holds as well, `vit_b` and so on; null where it holds none. */
  readonly encoderType: string | null;
  /** What was decided or left out while it was read, for people. */
  readonly notes: readonly string[];
}

const promptNote = "The file holds no prompt encoder: that of the project's base model is used.";

const encoderNote =
  "The file's image encoder is left out: images are seen by the encoder of the project's base model. To keep a tuned one, import the file as a base model (npm run model -- import).";

const finderNote =
  "The bundle's finder is left out: this version finds nothing by a label's name, and needs prompts. A fine-tune from it trains a finder of its own.";

/** A decoder has 16.5 MB; an ONNX file is read whole. */
const maxOnnxBytes = 64 * 1024 * 1024;

/**
 * Reads the decoder of a safetensors or PyTorch file (Meta's names or Hugging Face's, alone or with an image encoder) or of
 * an ONNX decoder that this program, Meta's script or samexporter exported, or a zip of a folder with either. No code of the file runs.
 * A mask decoder alone gets the prompt encoder of `basePath`, an adapter of peft is added to the decoder there.
 * Throws RefusedFile for whatever is wrong with it.
 */
export async function readDecoderFile({ path, basePath, unpackTo }: DecoderInput): Promise<DecoderFile> {
  try {
    return await readSource(await findPacked([path], unpackTo), basePath);
  } finally {
    await rm(unpackTo, { recursive: true, force: true });
  }
}

/** Files on this machine. */
export interface DecoderInput {
  readonly path: string;
  /** Safetensors by the names of SAM's: the base model's decoder, for a file that holds a part of one. */
  readonly basePath: string;
  /** Nothing yet: a folder for what a zip holds, which is gone afterwards. */
  readonly unpackTo: string;
}

async function readSource(source: Source, basePath: string): Promise<DecoderFile> {
  if (source.kind === "onnx" && !source.weights) {
    const [first = "", second] = source.graphs;
    const decoder = second === undefined ? first : await decoderAmong(source.graphs);
    const read = await readOnnx(decoder);
    const family = familyOfDecoder(read.tensors);
    const notes = [
      ...(second === undefined ? [] : [encoderNote]),
      ...((await hasFinder(decoder)) ? [finderNote] : []),
      ...onnxNotes(read.tensors),
    ];
    return { ...read, format: "onnx", family, encoderType: null, notes };
  }
  const weights = source.kind === "onnx" ? source.weights : source;
  if (!weights) throw new Error("no decoder was found");
  const file = await weights.open();
  const base = async (): Promise<NamedTensors> => decodeSafetensors(await readFile(basePath)).tensors;
  try {
    if (weights.adapter !== undefined) return await adapted(file, weights.adapter, await base());
    const identified = identifyFile(file);
    const { family, type: encoderType, holdsPrompt } = identified;
    const tensors = await readDecoderWeights(file, identified, holdsPrompt ? {} : await base());
    const format = formatOf(file);
    const says = withoutCard(file.metadata ?? {});
    return { format, family, tensors, says, encoderType, notes: notesOf(identified) };
  } finally {
    await file.close();
  }
}

const formatOf = ({ format }: TensorFile): "safetensors" | "pth" =>
  format === "safetensors" ? "safetensors" : "pth";

async function adapted(file: TensorFile, config: string, base: NamedTensors): Promise<DecoderFile> {
  const { tensors, notes } = await addAdapter(file, config, base);
  checkTensors(tensors);
  const family = familyOfDecoder(tensors);
  return { format: formatOf(file), family, tensors, says: {}, encoderType: null, notes };
}

/** What a decoder from an ONNX file is without: SAM 2's object score, where samexporter wrote it, and bits. */
export const onnxNotes = (tensors: NamedTensors): string[] => [
  ...(lacksObjectScore(tensors)
    ? [
        "The file holds no head of SAM 2's object score, as samexporter leaves it out: it says 0 of every object.",
      ]
    : []),
  ...(isOfHalves(tensors["mask_decoder.mask_tokens.weight"])
    ? ["The file's weights are numbers of 16 bits; they are used as they were rounded."]
    : []),
];

function isOfHalves(tensor: NamedTensor | undefined): boolean {
  if (!tensor) return false;
  const rounded = Float32Array.from(tensor.data);
  asHalves(rounded);
  return rounded.every((value, i) => value === tensor.data[i]);
}

/** Whether a decoder lies in a bundle of ours with what finds: see exports/find.ts. */
const hasFinder = (decoder: string): Promise<boolean> =>
  access(join(dirname(decoder), "find", "finder.onnx")).then(
    () => true,
    () => false,
  );

async function decoderAmong(graphs: readonly string[]): Promise<string> {
  const { decoders } = await onnxParts(graphs);
  const [only, another] = decoders;
  if (only && !another) return only.path;
  throw new RefusedFile(
    "wrong_architecture",
    `${decoders.length} of ${graphs.length} ONNX files are decoders, which take point_coords or input_points; one is wanted`,
  );
}

/** What a version takes otherwise than the file has it. */
export const notesOf = ({
  holdsPrompt,
  type,
  notes,
}: Pick<Identified, "holdsPrompt" | "type" | "notes">): string[] => [
  ...(holdsPrompt ? [] : [promptNote]),
  ...(type === null ? [] : [encoderNote]),
  ...notes,
];

async function readOnnx(path: string): Promise<Pick<DecoderFile, "tensors" | "says">> {
  const { size } = await stat(path);
  if (size > maxOnnxBytes)
    throw new RefusedFile("wrong_architecture", `an ONNX file of ${size} bytes is no decoder of SAM's`);
  const bytes = await readFile(path);
  let read: ReturnType<typeof readDecoderOnnx>;
  try {
    read = readDecoderOnnx(bytes);
  } catch (cause) {
    const message = messageOf(cause);
    // protobufjs says so of a field that ends after the file.
    const inner = messageOf(cause instanceof Error ? cause.cause : cause);
    const reason = inner.includes("out of range") ? "truncated" : "unreadable";
    throw new RefusedFile(reason, `the ONNX file can't be read: ${message}`, { cause });
  }
  if (!read) return { tensors: readForeign(bytes), says: {} };
  checkTensors(read.tensors);
  return { tensors: read.tensors, says: withoutCard(read.metadata) };
}

/** A decoder of Meta's export script, or of samexporter's. */
function readForeign(bytes: Uint8Array): NamedTensors {
  try {
    return decoderFromOnnx(bytes);
  } catch (cause) {
    const message = messageOf(cause);
    const reason = message.includes("not finite") ? "not_finite" : "wrong_architecture";
    throw new RefusedFile(reason, withHint(message, bytes), { cause });
  }
}

function checkTensors(tensors: NamedTensors): void {
  const layout = decoderLayouts[familyOfDecoder(tensors)];
  const missing = Object.keys(layout).filter((name) => !tensors[name]);
  if (missing.length > 0) throw new RefusedFile("names_missing", `${missing.join(", ")}: missing`);
  for (const [name, { data }] of Object.entries(tensors)) {
    if (!allFinite(data)) throw new RefusedFile("not_finite", `${name} holds values that are not finite`);
  }
  try {
    checkLayout(tensors, layout);
  } catch (cause) {
    throw new RefusedFile("wrong_architecture", messageOf(cause), { cause });
  }
}

export function withoutCard(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const { model_card: _, format: __, ...says } = metadata;
  return says;
}
