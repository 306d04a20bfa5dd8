import { readFileSync } from "node:fs";
import { join } from "node:path";
import ort from "../../src/lib/onnxruntime.ts";
import type { Tensor } from "@tensorflow/tfjs-core";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { decoderLayout } from "../../src/checkpoint/layout.ts";
import { toOnnx } from "../../src/graph/to-onnx.ts";
import { type RecordInput, recordGraph } from "../../src/graph/record.ts";
import { logitsAtSize } from "../../src/imaging/postprocess.ts";
import { decodeMasks } from "../../src/model/mask-decoder.ts";
import { embedMasks, embedPoints, imagePositionalEncoding } from "../../src/model/prompt-encoder.ts";
import type { Row } from "./report.ts";
import { difference, floats, type Saved } from "../lib/values.ts";

type Part = "embedding" | "coords" | "labels" | "mask" | "sparse" | "dense" | "low" | "iou";
interface ModulesPeer extends Record<Part, Saved> {
  readonly sizes: [number, number][];
  readonly full: Saved[];
}

/** The decoder takes the embedding's cells as a list. */
const shapeOf = (peer: ModulesPeer, name: Part): readonly number[] =>
  name === "embedding" ? [1, 4096, 256] : peer[name].shape;

/** Prompt encoder, decoder and postprocessing by themselves, each on the peer's own inputs. */
export async function compareModules(peers: string): Promise<Row[]> {
  const peer = JSON.parse(readFileSync(join(peers, "modules.json"), "utf8")) as ModulesPeer;
  const weights = await baseModel("mobile_sam").decoderWeights();
  const layout: RecordInput[] = Object.entries(decoderLayout).map(([name, shape]) => ({ name, shape }));
  const names = ["coords", "labels", "mask", "sparse", "dense", "embedding"] as const;
  const graph = recordGraph(
    (t) => {
      const input = (name: string): Tensor => t[name] as Tensor;
      const { logits, iou } = decodeMasks(
        {
          image: input("embedding"),
          imagePe: imagePositionalEncoding(t),
          sparse: input("peer_sparse"),
          dense: input("peer_dense"),
        },
        t,
      );
      return {
        sparse: embedPoints(input("coords"), input("labels"), t),
        dense: embedMasks(input("mask"), t),
        low: logits,
        iou,
      };
    },
    [
      ...layout,
      ...names.map((name) => ({
        name: name === "sparse" || name === "dense" ? `peer_${name}` : name,
        shape: shapeOf(peer, name),
      })),
    ],
  );
  const session = await ort.InferenceSession.create(toOnnx(graph));
  const feeds: Record<string, ort.Tensor> = {};
  for (const name of session.inputNames) {
    const own = weights[name];
    const saved = name.replace("peer_", "") as (typeof names)[number];
    feeds[name] = own
      ? new ort.Tensor("float32", own.data, own.shape)
      : new ort.Tensor("float32", floats(peers, peer[saved]), shapeOf(peer, saved));
  }
  const output = await session.run(feeds);
  await session.release();
  const row = (part: string, name: "sparse" | "dense" | "low" | "iou", on: string): Row => ({
    part,
    peer: "Meta's modules",
    on,
    ...difference(output[name]?.data as Float32Array, floats(peers, peer[name])),
  });
  const low = floats(peers, peer.low);
  const full = peer.sizes.map((size, i) =>
    difference(
      logitsAtSize(low.slice(4 * i * 65536, (4 * i + 1) * 65536), size),
      floats(peers, peer.full[i] as Saved),
    ),
  );
  const worst = full.toSorted((a, b) => b.relative - a.relative)[0];
  if (!worst) throw new Error("nothing was postprocessed");
  return [
    row("prompt encoder, points and boxes", "sparse", "8 prompts of 4 points and corners"),
    row("prompt encoder, mask prompts", "dense", "8 masks"),
    row("mask decoder, low-res logits", "low", "8 prompts with masks, 4 masks each"),
    row("mask decoder, IoU predictions", "iou", "8 prompts with masks, 4 masks each"),
    { part: "postprocessing, logits at the original size", peer: "Meta's modules", on: "4 sizes", ...worst },
  ];
}
