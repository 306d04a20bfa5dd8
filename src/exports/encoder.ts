import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { BaseModel } from "../checkpoint/base-models.ts";
import type { EncoderArchitecture } from "../checkpoint/encoder-layout.ts";
import type { HieraArchitecture } from "../checkpoint/hiera-layout.ts";
import {
  type ImageEncoder,
  imageEncoderLayout,
  imageEncoders,
  isRepVit,
  isTinyVit,
} from "../checkpoint/image-encoders.ts";
import type { TensorContent } from "../checkpoint/tensor-content.ts";
import { AppError } from "../lib/errors.ts";
import { decodeModel, type OnnxModel, type OnnxTensor } from "../lib/onnx-proto.ts";
import type { ZipEntry } from "../lib/zip-writer.ts";
import type { ExportSubject } from "./types.ts";

type Encoded = Pick<ExportSubject, "base" | "architectures">;

const knownEncoder = ({ base, architectures = imageEncoders }: Encoded): ImageEncoder | undefined =>
  architectures[base.type];

/** The architecture of a base's image encoder where transformers has it, SAM's own ViTs and SAM 2's Hieras; else null. */
export function architectureOf(subject: Encoded): EncoderArchitecture | HieraArchitecture | null {
  const known = knownEncoder(subject);
  return known && !isTinyVit(known) && !isRepVit(known) ? known : null;
}

/** The ONNX encoder as `encoder.onnx`, with the files beside it that hold its weights. */
export async function encoderEntries(base: BaseModel): Promise<ZipEntry[]> {
  const path = await base.encoderPath();
  const beside = weightFiles(decodeModel(await readFile(path)));
  const entry = (name: string, file: string): ZipEntry => ({
    path: name,
    content: () => createReadStream(file),
  });
  return [entry("encoder.onnx", path), ...beside.map((name) => entry(name, join(dirname(path), name)))];
}

/** Names of the files beside a graph that hold its weights, sorted. */
export function weightFiles({ graph }: OnnxModel): string[] {
  const locations = graph.initializer.map((tensor) => placeOf(tensor).location);
  return [...new Set(locations.flatMap((location) => (location ? [basename(location)] : [])))].sort();
}

/**
 * The encoder's weights by Meta's names, read from where its ONNX file says that they lie.
 * Throws AppError export_full_unavailable where the base has no such names.
 */
export async function encoderTensors(subject: Encoded): Promise<TensorContent[]> {
  const { base } = subject;
  const known = knownEncoder(subject);
  if (!known) throw unavailable(base);
  const path = await base.encoderPath();
  const stored = new Map(
    decodeModel(await readFile(path)).graph.initializer.map((tensor) => [tensor.name, placeOf(tensor)]),
  );
  return Object.entries(imageEncoderLayout(known)).map(([name, shape]) => {
    const { location, offset = 0, length = 0 } = stored.get(name) ?? {};
    // The built-in model has mobile_sam's type and a graph with its weights inside
    if (location === undefined || length === 0) throw unavailable(base);
    const file = join(dirname(path), basename(location));
    return {
      name,
      shape,
      content: () => createReadStream(file, { start: offset, end: offset + length - 1 }),
    };
  });
}

interface Place {
  location?: string;
  offset?: number;
  length?: number;
}

function placeOf({ externalData = [], dataLocation }: OnnxTensor): Place {
  if (dataLocation !== 1) return {};
  const said = new Map(externalData.map(({ key, value }) => [key, value]));
  const location = said.get("location");
  return {
    ...(location !== undefined && { location }),
    offset: Number(said.get("offset") ?? 0),
    length: Number(said.get("length") ?? 0),
  };
}

const unavailable = ({ name }: BaseModel): AppError =>
  new AppError(
    "export_full_unavailable",
    `full: the image encoder of ${name} has no weights under Meta's names; onnx and hf carry it as encoder.onnx.`,
    { param: "full" },
  );
