import ort from "../../lib/onnxruntime.ts";
import type { EncoderInput } from "../../checkpoint/base-models.ts";
import { RefusedFile } from "../../checkpoint/refused.ts";
import { messageOf } from "../../lib/errors.ts";
import { allFinite } from "./stage.ts";

const shapes: Readonly<Record<EncoderInput, readonly number[]>> = {
  normalised: [1, 3, 1024, 1024],
  rgb: [1024, 1024, 3],
};

/** Encodes one plain image, as serving will: a graph that onnxruntime can't run is refused now. Throws RefusedFile. */
export async function tryEncoder(path: string, input: EncoderInput): Promise<void> {
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
  if (output?.dims.join() !== "1,256,64,64" || !(output.data instanceof Float32Array))
    throw new RefusedFile(
      "wrong_architecture",
      `${path} gives [${output?.dims.join() ?? ""}], not [1,256,64,64] float32`,
    );
  if (!allFinite(output.data))
    throw new RefusedFile("not_finite", `${path} gives values that are not finite`);
}
