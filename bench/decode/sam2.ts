import { fits } from "../../src/domain/model-family.ts";
import { buildGraphs } from "../../src/graphs/build.ts";
import { graphFor, mostTokens, readGraphs } from "../../src/graphs/files.ts";
import { frameSide, toInputFrame } from "../../src/imaging/coordinates.ts";
import type { Prompt } from "../../src/inference/types.ts";
import { packWeights } from "../../src/inference/decoder/packed-weights.ts";
import { promptTokens } from "../../src/inference/decoder/prompt-tokens.ts";
import { runDecoder } from "../../src/inference/decoder/run.ts";
import { decoderOrder } from "../../src/inference/embedding/decoder-order.ts";
import { answer } from "../../src/inference/workers/decode.ts";
import { unwrap } from "../../src/lib/outcome.ts";
import { interleave, machine, type Report, type Row, timed } from "../lib/report.ts";
import { startSam2 } from "../lib/sam2-peer.ts";
import type { TimingOptions } from "../lib/timing-options.ts";
import { difference, floats } from "../lib/values.ts";

/** Ours and the peer's low-res logits may differ by so much of the largest value. */
const allowed = 1e-3;
const family = "sam2";

const sizes = [
  [768, 1024],
  [1024, 1024],
] as const;
/** The box round the one object, in shares of the image's sides. */
const around = [0.2, 0.3, 0.6, 0.7] as const;
const prompts: Readonly<Record<string, (height: number, width: number) => Prompt>> = {
  "one box": (height, width) => ({ box: scaled(width, height) }),
  "one point": (height, width) => ({
    points: [[((around[0] + around[2]) / 2) * width, ((around[1] + around[3]) / 2) * height, 1]],
  }),
};

const scaled = (width: number, height: number): [number, number, number, number] => [
  around[0] * width,
  around[1] * height,
  around[2] * width,
  around[3] * height,
];

/** One box and one point on an image of each size. */
const cases = sizes.flatMap((size) =>
  Object.entries(prompts).map(([kind, promptOn]) => {
    const [height, width] = size;
    return { what: `${width} x ${height}, ${kind}`, size, prompt: promptOn(height, width) };
  }),
);

/** The same as the peer takes them. */
const casesForPeer = cases.map(({ size, prompt: { box, points = [] } }) => {
  const inFrame = (values: readonly number[]): number[] => [...toInputFrame(values, size, fits[family])];
  return box
    ? { size, box: inFrame(box) }
    : { size, points: points.map(([x, y, label]) => [...inFrame([x, y]), label]) };
});

/**
 * As bench -- decode on SAM, but with random weights that the peer makes and tunes to one object: ours is what a decode worker does, the peer's is
 * transformers' Sam2Model with its mask at the image's size. Both give mask 0, as a tuned version does.
 */
export async function runSam2(options: TimingOptions): Promise<Report> {
  const { rounds, threads } = options;
  const peer = await startSam2("decode", options, [
    JSON.stringify(casesForPeer),
    JSON.stringify(scaled(frameSide, frameSide)),
  ]);
  try {
    await buildGraphs();
    const graphs = readGraphs();
    const weights = packWeights("peer", peer.weights);
    const data = decoderOrder(floats(peer.folder, { file: "embedding.f32", shape: [] }), family);
    const rows: Row[] = [];
    let furthest = 0;
    for (const [i, { what, size, prompt }] of cases.entries()) {
      const [height, width] = size;
      const tokens = [promptTokens(prompt, size, mostTokens(graphs, false, family), family)];
      const graph = graphFor(graphs, tokens[0]?.labels.length ?? 0, false, family);
      const own = { graph, threads, weights, embedding: { family, data, width, height } as const };
      const { prefix } = await runDecoder({ ...own, prefix: "make" }, tokens, { wanted: "first" });
      if (!prefix) throw new Error("the decoder made no prefix");
      const lowRes = () => runDecoder({ ...own, prefix }, tokens, { wanted: "first" });
      const theirs = floats(peer.folder, { file: `logits-${i}.f32`, shape: [] });
      const { relative } = difference((await lowRes()).logits, theirs);
      if (!(relative <= allowed)) throw new Error(`${what}: logits differ by ${relative} of the largest`);
      furthest = Math.max(furthest, relative);
      const window = [0, 0, width, height] as const;
      const wish = { multimask: false, format: "rle", polygonTolerance: 0, lowRes: true } as const;
      const task = {
        ...own,
        size,
        views: [{ region: window, embedding: own.embedding, prefix }],
        refine: null,
        near: false,
        prompts: [{ index: 0, window, tokens, box: prompt.box ?? null, wish }],
      };
      rows.push(
        await interleave(what, rounds, {
          ours: () => timed(async () => unwrap(await answer(task))),
          peer: () => peer.ask(`whole ${i}`),
        }),
        await interleave(`${what}, low-res logits alone`, rounds, {
          ours: () => timed(lowRes),
          peer: () => peer.ask(`low-res ${i}`),
        }),
      );
    }
    return {
      bench: "decode",
      unit: "ms per prompt on an image in memory, one mask",
      ...machine(),
      threads,
      rounds,
      ours: `a decode worker's answer; low-res logits furthest from the peer's by ${furthest.toExponential(1)} of the largest value`,
      peer: peer.name,
      rows,
    };
  } finally {
    peer.stop();
  }
}
