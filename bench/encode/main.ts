import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stageWeights } from "../../src/base-models/staging/stage-weights.ts";
import { openSafetensors } from "../../src/checkpoint/safetensors-file.ts";
import { imageEncoders } from "../../src/checkpoint/image-encoders.ts";
import ort, { withoutPattern } from "../../src/lib/onnxruntime.ts";
import { difference, floats } from "../lib/values.ts";
import { startPeer } from "../lib/peer-process.ts";
import { interleave, machine, printReport, type Report, timed } from "../lib/report.ts";
import { runInt8 } from "./int8.ts";
import { bases, type EncodeOptions } from "./options.ts";

/** Ours and the peer's may differ by so much of the largest value. */
const allowed = 1e-3;
const shape = [1, 3, 1024, 1024];

export async function main(options: EncodeOptions): Promise<number> {
  printReport(await (options.int8 ? runInt8(options) : run(options)), options.json);
  return 0;
}

/** Milliseconds of one image of 1024 x 1024 pixels, from what the encoder takes to what the decoder takes. */
async function run({ base, python, threads, rounds }: EncodeOptions): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), "maskwright-bench-"));
  const encoder = JSON.stringify(imageEncoders[bases[base]]);
  const peer = await startPeer("encode.py", [folder, encoder, String(threads)], python);
  try {
    if (!peer.ask) throw new Error(`the peer makes the weights: ${peer.note}`);
    const { ask } = peer;
    const session = await openOurs(folder, threads);
    const pixels = new ort.Tensor("float32", floats(folder, { file: "pixels.f32", shape }), shape);
    const [input = "", output = ""] = [session.inputNames[0], session.outputNames[0]];
    const encode = async (): Promise<Float32Array> =>
      (await session.run({ [input]: pixels }))[output]?.data as Float32Array;
    const { relative } = difference(await encode(), floats(folder, { file: "embedding.f32", shape: [] }));
    if (!(relative <= allowed)) throw new Error(`the embeddings differ by ${relative} of the largest value`);
    const row = await interleave(base, rounds, { ours: () => timed(encode), peer: () => ask("encode") });
    await session.release();
    return {
      bench: "encode",
      unit: "ms per image",
      ...machine(),
      threads,
      rounds,
      ours: `the recorded graph, onnxruntime; furthest from the peer's by ${relative.toExponential(1)} of the largest value`,
      peer: peer.name,
      rows: [row],
    };
  } finally {
    peer.stop();
    rmSync(folder, { recursive: true });
  }
}

/** The peer's weights, imported. */
async function openOurs(folder: string, threads: number): Promise<ort.InferenceSession> {
  const file = await openSafetensors(join(folder, "model.safetensors"));
  try {
    const { encoder } = await stageWeights(file, folder);
    return await ort.InferenceSession.create(join(folder, encoder?.graph ?? ""), {
      intraOpNumThreads: threads,
      ...withoutPattern,
    });
  } finally {
    await file.close();
  }
}
