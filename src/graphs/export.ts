import type { Tensor } from "@tensorflow/tfjs-core";
import { decoderLayout } from "../checkpoint/layout.ts";
import { toOnnx } from "../graph/to-onnx.ts";
import { type RecordInput, recordGraph } from "../graph/record.ts";
import type { ExportVariant } from "./files.ts";
import { dataType, decodeModel, encodeModel, type OnnxModel, valueInfo } from "../lib/onnx-proto.ts";
import { imagePositionalEncoding } from "../model/prompt-encoder.ts";
import { type SamOptions, segment } from "../model/sam.ts";
import { NodeList } from "./onnx-nodes.ts";
import { addOutputs } from "./export-outputs.ts";
import { addServedOutputs, type ServedRefine, settingsOf } from "./export-served.ts";

/** Meta's own export says 17; whatever runs that file runs ours. IR version 8 belongs to it. */
export const exportOpset = 17;
export const exportIrVersion = 8;

/** Points of an engine's prompt: a box and six clicks; those of label -2 are not there. */
export const enginePoints = 8;

/**
 * The decoder for other people's programs, as an ONNX file that still wants its weights as inputs (exports/onnx.ts puts
 * them inside). Its own inputs are Meta's, all float32 (segment-anything: scripts/export_onnx_model.py, utils/onnx.py):
 * `image_embeddings` [1, 256, 64, 64], `point_coords` [1, N, 2] in pixels of the 1024 frame, `point_labels` [1, N]
 * (1, 0, 2, 3, and -1 for padding), `mask_input` [1, 1, 256, 256], `has_mask_input` [1], `orig_im_size` [2] (H, W);
 * N alone is free. The outputs depend on the variant: see export-outputs.ts, and for `served` with a graph that refines
 * masks inside, export-served.ts. `engine` has no free shape: N is enginePoints, and it takes no `orig_im_size`.
 */
export function exportOnnx(variant: ExportVariant, refine: ServedRefine | null = null): Uint8Array {
  const isEngine = variant === "engine";
  const points = isEngine ? enginePoints : "num_points";
  const model = decodeModel(recordedDecoder(points, isEngine ? { absentTokens: true, maskTokens: [0] } : {}));
  const weights = model.graph.input.filter(({ name }) => Object.hasOwn(decoderLayout, name));
  const nodes = new NodeList();
  // The recording works channels last, token by token, and has no channel axis on mask prompts.
  const planes = nodes.add("Reshape", ["image_embeddings", nodes.ints([1, 256, 4096])]);
  nodes.add("Transpose", [planes], { perm: [0, 2, 1] }, "_image_tokens");
  nodes.add("Reshape", ["mask_input", nodes.ints([1, 256, 256])], {}, "_mask_plane");
  const before = nodes.take();
  const masks = { logits: "_logits", iou: "_iou" };
  const output = refine ? addServedOutputs(nodes, masks, refine) : addOutputs(nodes, variant, masks);
  const float = (name: string, dims: (number | string)[]) => valueInfo(name, dataType.float, dims);
  const joined: OnnxModel = {
    ...model,
    // What newer opsets brought, Gelu as one operator, was left out of the recording; refining wants them.
    ...(!refine && { irVersion: exportIrVersion, opsetImport: [{ domain: "", version: exportOpset }] }),
    graph: {
      ...model.graph,
      name: "sam_decoder",
      node: [...before, ...model.graph.node, ...nodes.take()],
      initializer: [...model.graph.initializer, ...nodes.initializers],
      input: [
        float("image_embeddings", [1, 256, 64, 64]),
        float("point_coords", [1, points, 2]),
        float("point_labels", [1, points]),
        float("mask_input", [1, 1, 256, 256]),
        float("has_mask_input", [1]),
        ...(isEngine ? [] : [float("orig_im_size", [2])]),
        ...(refine
          ? [valueInfo("image", dataType.uint8, ["height", "width", 3]), ...settingsOf(refine)]
          : []),
        ...weights,
      ],
      output,
    },
  };
  return encodeModel(joined);
}

/** Prompts of one image, one at a time, as Meta's file takes them: outputs `_logits` and `_iou` of four masks, or fewer. */
function recordedDecoder(points: number | string, options: SamOptions): Uint8Array {
  const weights: RecordInput[] = Object.entries(decoderLayout).map(([name, shape]) => ({ name, shape }));
  const inputs: RecordInput[] = [
    { name: "_image_tokens", shape: [1, 4096, 256] },
    { name: "point_coords", shape: [1, points, 2] },
    { name: "point_labels", shape: [1, points] },
    { name: "_mask_plane", shape: [1, 256, 256] },
    { name: "has_mask_input", shape: [1] },
  ];
  const graph = recordGraph(
    (tensors) => {
      const input = (name: string): Tensor => tensors[name] as Tensor;
      const { logits, iou } = segment(
        {
          embedding: input("_image_tokens"),
          imagePe: imagePositionalEncoding(tensors),
          coords: input("point_coords"),
          labels: input("point_labels"),
          masks: input("_mask_plane"),
          hasMask: input("has_mask_input"),
        },
        tensors,
        options,
      );
      return { _logits: logits, _iou: iou };
    },
    [...inputs, ...weights],
    { gelu: false },
  );
  return toOnnx(graph);
}
