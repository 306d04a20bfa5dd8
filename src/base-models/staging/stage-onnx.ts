import { readFile, stat } from "node:fs/promises";
import { decoderLayouts, familyOfDecoder } from "../../checkpoint/decoder-layouts.ts";
import { readDecoderOnnx } from "../../checkpoint/decoder-onnx.ts";
import { checkLayout } from "../../checkpoint/layout.ts";
import { decoderFromOnnx } from "../../checkpoint/mobile-sam.ts";
import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import { RefusedFile } from "../../checkpoint/refused.ts";
import { familyNames } from "../../domain/model-family.ts";
import { messageOf } from "../../lib/errors.ts";
import { type DecoderFile, onnxNotes, withoutCard } from "../decoder-file.ts";
import { identify } from "../identify.ts";
import { flattenEncoder } from "./flat-encoder.ts";
import { checkEncoder } from "./onnx-encoder.ts";
import { withHint } from "../onnx-hints.ts";
import { onnxParts } from "../onnx-parts.ts";
import type { Source, WeightsSource } from "../open.ts";
import { readDecoderWeights } from "./stage.ts";
import type { Staged } from "./staged.ts";
import { tryEncoder } from "./try-encoder.ts";

/** SAM's decoder has 16 MB. */
const maxDecoderBytes = 128 * 1024 * 1024;

/**
 * ONNX files: an image encoder, which is run as it is, and a decoder, whose weights are taken out of its graph by Meta's
 * names, so that it can be tuned (samexporter's layout, Meta's export script, our own exports). The decoder may also be a
 * weights file; alone, it is an ONNX decoder to be used with another model's encoder. An encoder that gives the parts of SAM
 * 2's embedding by themselves (samexporter's) is laid out in `folder` with them in a row.
 * Throws RefusedFile for whatever is wrong.
 */
export async function stageOnnx(
  { graphs, weights }: Extract<Source, { kind: "onnx" }>,
  folder: string,
): Promise<Staged> {
  const { decoders, encoders } = await onnxParts(graphs);
  const [decoderPart, encoderPart] = [decoders[0], encoders[0]];
  if (decoders.length + (weights ? 1 : 0) !== 1 || encoders.length > 1)
    throw new RefusedFile(
      "wrong_architecture",
      `one image encoder and one decoder are wanted; these are ${encoders.length} and ${decoders.length + (weights ? 1 : 0)} (a decoder takes point_coords or input_points)`,
    );
  const {
    family,
    tensors: decoder,
    says,
    notes,
  } = decoderPart ? await decoderOf(decoderPart.path) : await weightsOf(weights);
  let parameters = Object.values(decoder).reduce((sum, { data }) => sum + data.length, 0);
  let encoder: Staged["encoder"] = null;
  if (encoderPart) {
    const checked = await checkEncoder(encoderPart.path, encoderPart.outline);
    if (checked.family !== family)
      throw new RefusedFile(
        "wrong_architecture",
        `the image encoder is ${familyNames[checked.family]}'s and the decoder ${familyNames[family]}'s`,
      );
    const { input } = checked.encoder;
    encoder = checked.parts
      ? { input, ...(await flattenEncoder(encoderPart, checked.parts, folder)) }
      : checked.encoder;
    await tryEncoder(encoder.files[0]?.path ?? "", input, family);
    parameters += checked.parameters;
  }
  return { family, type: encoder ? "onnx" : null, format: "ONNX", encoder, decoder, parameters, says, notes };
}

type Decoder = Pick<DecoderFile, "family" | "tensors" | "says" | "notes">;

async function decoderOf(path: string): Promise<Decoder> {
  const { size } = await stat(path);
  if (size > maxDecoderBytes)
    throw new RefusedFile("wrong_architecture", `${path} has ${size} bytes; SAM's decoder has 16 million`);
  const file = await readFile(path);
  try {
    const own = readDecoderOnnx(file);
    if (!own) return foreign(decoderFromOnnx(file));
    const family = familyOfDecoder(own.tensors);
    checkLayout(own.tensors, decoderLayouts[family]);
    return { family, tensors: own.tensors, says: withoutCard(own.metadata), notes: [] };
  } catch (error) {
    const message = messageOf(error);
    throw new RefusedFile(refusalOf(message), withHint(message, file), { cause: error });
  }
}

const foreign = (tensors: NamedTensors): Decoder => ({
  family: familyOfDecoder(tensors),
  tensors,
  says: {},
  notes: onnxNotes(tensors),
});

const refusalOf = (message: string) =>
  message.includes("not finite")
    ? "not_finite"
    : message.includes("is missing")
      ? "names_missing"
      : "unreadable";

async function weightsOf(source: WeightsSource | undefined): Promise<Decoder> {
  if (!source) throw new Error("no decoder was found");
  const file = await source.open();
  try {
    const wanted = new Map([...file.shapes].filter(([name]) => !/(^|\.)(image|vision)_encoder\./.test(name)));
    const identified = identify(wanted);
    if (identified.type !== null) throw new Error("the image encoder was not left out");
    return {
      family: identified.family,
      tensors: await readDecoderWeights(file, identified),
      says: withoutCard(file.metadata ?? {}),
      notes: identified.notes,
    };
  } finally {
    await file.close();
  }
}
