import ort from "../../lib/onnxruntime.ts";
import type { EncoderInput } from "../../checkpoint/base-models.ts";
import { RefusedFile } from "../../checkpoint/refused.ts";
import { embeddingLength, embeddingParts, type ModelFamily } from "../../domain/model-family.ts";
import { messageOf } from "../../lib/errors.ts";
import { allFinite } from "./stage.ts";

const shapes: Readonly<Record<EncoderInput, readonly number[]>> = {
  normalised: [1, 3, 1024, 1024],
  rgb: [1024, 1024, 3],
};

/** What an image encoder gives first, by family: SAM 2's parts lie in one row (domain/model-family.ts). */
export const givenShapes: Readonly<Record<ModelFamily, readonly (number | null)[]>> = {
  sam: [1, ...embeddingParts.sam[0].shape],
  sam2: [1, embeddingLength("sam2")],
};

/** Encodes one plain image, as serving will: a graph that onnxruntime can't run is refused now. Throws RefusedFile. */
export async function tryEncoder(path: string, input: EncoderInput, family: ModelFamily): Promise<void> {
  const shape = shapes[input];
  let output: ort.Tensor | undefined;
  try {
    const session = await ort.InferenceSession.create(path, {
      executionProviders: ["cpu"],
      logSeverityLevel: 3,
    });
    try {
      const image = new ort.Tensor("float32", new Float32Array(3 * 1024 * 1024), shape);
      const result = await session.run({ [session.inputNames[0] as string]: image });
      output = result[session.outputNames[0] as string];
    } finally {
      await session.release();
    }
  } catch (error) {
    throw new RefusedFile("unreadable", `onnxruntime can't run ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const wanted = givenShapes[family].join();
  if (output?.dims.join() !== wanted || !(output.data instanceof Float32Array))
    throw new RefusedFile(
      "wrong_architecture",
      `${path} gives [${output?.dims.join() ?? ""}], not [${wanted}] float32`,
    );
  if (!allFinite(output.data))
    throw new RefusedFile("not_finite", `${path} gives values that are not finite`);
}
