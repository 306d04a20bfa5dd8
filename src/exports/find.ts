import { readFile } from "node:fs/promises";
import type { BaseModel } from "../checkpoint/base-models.ts";
import type { NamedTensors } from "../checkpoint/named-tensors.ts";
import { producer } from "../checkpoint/decoder-onnx.ts";
import type { Finder } from "../domain/finder.ts";
import { gridOf, mostCentres, outputsOf, sideUnit } from "../domain/finder-layout.ts";
import { readFindExports } from "../graphs/files.ts";
import { largestShare } from "../inference/decoder/near-tokens.ts";
import { mostFindWindows } from "../inference/find/decode-boxes.ts";
import { boxAndRoom, widestRaster } from "../inference/find/find-focus.ts";
import { lowestLogit } from "../inference/find/scores.ts";
import { sameBox, sameObject } from "../inference/find/twins.ts";
import { decodeModel, encodeModel, float32Tensor, type OnnxTensor } from "../lib/onnx-proto.ts";
import type { ZipEntry } from "../lib/zip-writer.ts";
import { withWeights } from "./onnx.ts";

/** A folder of its own: two ONNX files at the top of a zip are encoder and decoder to whoever imports it. */
const folder = "find";

/**
 * What a bundle finds with: `find/finder.onnx`, the finder with its weights inside, and of SAM `find/near.onnx`, the decoder
 * for small boxes. `finder` are the finder's weights by finderShapes' names.
 */
export async function findEntries(
  base: Pick<BaseModel, "family">,
  { pool }: Finder,
  { finder, decoder }: { finder: NamedTensors; decoder: NamedTensors },
): Promise<ZipEntry[]> {
  const graphs = readFindExports();
  const model = decodeModel(await readFile(graphs.finder[pool]));
  const inside = Object.entries(finder).map(([name, { shape, data }]): OnnxTensor =>
    float32Tensor(name, shape, data),
  );
  const found = encodeModel({
    ...model,
    producerName: producer,
    graph: {
      ...model.graph,
      input: model.graph.input.filter(({ name }) => !Object.hasOwn(finder, name)),
      initializer: [...model.graph.initializer, ...inside],
    },
  });
  const entries = [{ path: `${folder}/finder.onnx`, content: found }];
  if (base.family !== "sam") return entries;
  const near = withWeights(decodeModel(await readFile(graphs.near.path)), decoder, { metadata: {} });
  // What is no part of it is in decoder.onnx
  return [...entries, { path: `${folder}/near.onnx`, content: encodeModel({ ...near, metadataProps: [] }) }];
}

/** How a bundle's runners bring a finder's answer to objects. */
export function findConfig({ family }: Pick<BaseModel, "family">, finder: Finder) {
  const { labels, pool, threshold, calibration } = finder;
  const { side, stride } = readFindExports().near;
  return {
    labels,
    threshold,
    calibration,
    /** Parts of cells along a side, values of each, and parts of cells that a log side of 0 is long. */
    grid: gridOf(pool),
    outputs: outputsOf(labels.length),
    side_unit: sideUnit,
    /** Logits at most so much are noise, whatever threshold is asked for. */
    lowest_logit: lowestLogit,
    most_centres: mostCentres,
    /** Boxes, and masks, that overlap by more (IoU) show one object; the one with the higher score stays. */
    box_overlap: sameBox,
    mask_overlap: sameObject,
    /** Windows that are encoded for an image; boxes of others are answered from all of it, unrefined. */
    most_windows: mostFindWindows,
    widest_raster: widestRaster,
    box_and_room: boxAndRoom,
    near: family === "sam" ? { side, stride, largest_share: largestShare } : null,
  };
}
