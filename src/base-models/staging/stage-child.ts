/** What a child process runs for import-base-model.ts. */
import { join } from "node:path";
import type { EncoderInput } from "../../checkpoint/base-models.ts";
import type { ModelFamily } from "../../domain/model-family.ts";
import { adapterAlone } from "../adapter.ts";
import { type Readable, refusable } from "../decoder-child.ts";
import type { Architectures } from "../identify.ts";
import { findPacked } from "../open.ts";
import { quantiseEncoder, type QuantisedEncoder } from "../quantise/quantise-encoder.ts";
import { stageOnnx } from "./stage-onnx.ts";
import { stageWeights } from "./stage-weights.ts";
import type { Staged } from "./staged.ts";

/** Reads and checks all of a model's files, and lays them out in `folder`. */
export const stage = (input: {
  paths: readonly string[];
  folder: string;
  architectures: Architectures | undefined;
}): Promise<Readable<Staged>> =>
  refusable(async () => {
    const source = await findPacked(input.paths, join(input.folder, "unpacked"));
    if (source.kind === "onnx") return stageOnnx(source, input.folder);
    if (source.adapter !== undefined) throw adapterAlone();
    const file = await source.open();
    try {
      return await stageWeights(file, input.folder, input.architectures);
    } finally {
      await file.close();
    }
  });

/** Writes an image encoder with products in 8-bit integers to `to`, and tries it. */
export const quantise = (input: {
  path: string;
  to: string;
  encoderInput: EncoderInput;
  family: ModelFamily;
}): Promise<Readable<QuantisedEncoder>> => refusable(() => quantiseEncoder(input));
