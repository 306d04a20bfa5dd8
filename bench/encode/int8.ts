import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quantiseEncoder } from "../../src/base-models/quantise/quantise-encoder.ts";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { encoderInput } from "../../src/imaging/preprocess.ts";
import ort, { withoutPattern } from "../../src/lib/onnxruntime.ts";
import { drawPaper } from "../../src/samples/pages.ts";
import { interleave, machine, type Report, timed } from "../lib/report.ts";
import type { EncodeOptions } from "./options.ts";

/** Milliseconds of one drawn page by MobileSAM's encoder, from its normalised pixels to its embedding. */
export async function runInt8({ threads, rounds }: EncodeOptions): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), "maskwright-bench-"));
  try {
    const model = baseModel("mobile_sam");
    const path = await model.encoderPath();
    const to = join(folder, "encoder.onnx");
    const { products } = await quantiseEncoder({ ...model, path, to });
    const { width, height, stamped } = drawPaper(1, 0);
    const frame = encoderInput({ width, height, data: stamped });
    const pixels = new ort.Tensor("float32", frame, [1, 3, 1024, 1024]);
    const encoder = async (file: string) => {
      const session = await ort.InferenceSession.create(file, {
        intraOpNumThreads: threads,
        ...withoutPattern,
      });
      const [given = "", taken = ""] = [session.inputNames[0], session.outputNames[0]];
      return async () => (await session.run({ [given]: pixels }))[taken]?.data as Float32Array;
    };
    const [exact, int8] = [await encoder(path), await encoder(to)];
    const row = await interleave("mobile_sam, int8", rounds, {
      ours: () => timed(int8),
      peer: () => timed(exact),
    });
    const error = relativeError(await int8(), await exact());
    return {
      bench: "encode",
      unit: "ms per image",
      ...machine(),
      threads,
      rounds,
      ours: `${products} linear layers in int8; the embedding's error is ${error.toFixed(4)} of its size`,
      peer: "the exact encoder",
      rows: [row],
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Length of the difference by that of what is right. */
function relativeError(found: Float32Array, right: Float32Array): number {
  let [off, all] = [0, 0];
  right.forEach((value, i) => {
    off += ((found[i] as number) - value) ** 2;
    all += value ** 2;
  });
  return Math.sqrt(off / all);
}
