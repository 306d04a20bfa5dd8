import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
// @ts-expect-error: a file for other people's programs has no types
import { preprocess as untyped } from "../../src/exports/transformers-js/preprocess-sam2.mjs";
import { embeddingParts } from "../../src/domain/model-family.ts";
import { decoderOnnxFile, withWeights } from "../../src/exports/onnx.ts";
import { samModelGraph } from "../../src/graphs/files.ts";
import { stretchedInput } from "../../src/imaging/stretched-input.ts";
import type { Prompt } from "../../src/inference/types.ts";
import { decodeModel, encodeModel } from "../../src/lib/onnx-proto.ts";
import ort from "../../src/lib/onnxruntime.ts";
import { discImage } from "../worlds/images.ts";
import { sam2Decoder, sam2Embedding } from "../worlds/sam2-decoder.ts";

/** The folder of a SAM 2 without transformers.js itself, which test/peers/sam2-exports.peer.ts brings. */

type Given = Record<"pixel_values" | "input_points" | "input_labels", ort.Tensor>;
const preprocess = untyped as (
  image: object,
  tensor: typeof ort.Tensor,
  prompts: readonly Prompt[],
) => Given & { original_sizes: number[][]; reshaped_input_sizes: number[][] };

let model: ort.InferenceSession;
let onnx: ort.InferenceSession;
const [image, fine, coarse] = embeddingParts.sam2.map(
  ({ offset, length, shape }) =>
    new ort.Tensor(sam2Embedding(0).slice(offset, offset + length), [1, ...shape]),
) as [ort.Tensor, ort.Tensor, ort.Tensor];
beforeAll(async () => {
  const weights = await sam2Decoder();
  const graph = decodeModel(await readFile(samModelGraph("sam2")));
  const options = { intraOpNumThreads: 1, logSeverityLevel: 3 as const };
  const file = encodeModel(withWeights(graph, weights, { metadata: {} }));
  model = await ort.InferenceSession.create(file, options);
  onnx = await ort.InferenceSession.create(await decoderOnnxFile(weights, { variant: "all" }, {}), options);
});
afterAll(async () => {
  await model?.release();
  await onnx?.release();
});

const float = (values: readonly number[], dims: number[]): ort.Tensor =>
  new ort.Tensor(Float32Array.from(values), dims);

/** As transformers.js calls it, which fills in what is not given (its models/sam2/modeling_sam2.js, forward). */
async function ask(points: readonly number[][][], boxes: readonly number[][]) {
  const [p, n] = points.length > 0 ? [points.length, points[0]?.length ?? 0] : [1, 0];
  const labels = points.flat().map(([, , label]) => BigInt(label as number));
  return model.run({
    "image_embeddings.0": fine,
    "image_embeddings.1": coarse,
    "image_embeddings.2": image,
    input_points: float(
      points.flat().flatMap(([x = 0, y = 0]) => [x, y]),
      [1, p, n, 2],
    ),
    input_labels: new ort.Tensor("int64", labels, [1, points.length > 0 ? p : boxes.length, n]),
    input_boxes: float(boxes.flat(), [1, boxes.length, 4]),
  });
}

/** Mask 0 of one prompt by the export that is held to Sam2Model, and its scores. */
async function wanted(tokens: readonly number[][]) {
  return onnx.run({
    image_embed: image,
    high_res_feats_0: fine,
    high_res_feats_1: coarse,
    point_coords: float(
      tokens.flatMap(([x = 0, y = 0]) => [x, y]),
      [1, tokens.length, 2],
    ),
    point_labels: float(
      tokens.map(([, , label]) => label as number),
      [1, tokens.length],
    ),
    mask_input: float([...new Float32Array(65_536)], [1, 1, 256, 256]),
    has_mask_input: float([0], [1]),
  });
}

const floats = (outputs: ort.InferenceSession.ReturnType, name: string): Float32Array => {
  const { data } = outputs[name] as ort.Tensor;
  return data as Float32Array;
};

const [box, click, other] = [
  [150, 210, 630, 690],
  [390, 450, 1],
  [900, 100, 0],
];
const corners = [
  [150, 210, 2],
  [630, 690, 3],
];
const absent = [0, 0, -10];

describe("SAM 2's decoder as transformers.js calls it", () => {
  it.each<[string, number[][][], number[][], number[][][]]>([
    ["clicks", [[click, other]], [], [[click, other]]],
    ["two prompts of different lengths", [[click, absent], corners], [], [[click], corners]],
    ["a box of its own", [], [box], [corners]],
    [
      "two boxes",
      [],
      [box, [100, 100, 500, 600]],
      [
        corners,
        [
          [100, 100, 2],
          [500, 600, 3],
        ],
      ],
    ],
    ["a click and a box", [[click]], [box], [[click, ...corners]]],
  ])("answers %s as the ONNX file does", async (_what, points, boxes, same) => {
    const out = await ask(points, boxes);
    expect(out["pred_masks"]?.dims).toEqual([1, same.length, 1, 256, 256]);
    for (const name of ["iou_scores", "object_score_logits"])
      expect(out[name]?.dims).toEqual([1, same.length, 1]);
    const masks = floats(out, "pred_masks");
    for (const [i, tokens] of same.entries()) {
      const own = await wanted(tokens);
      const plane = masks.subarray(i * 65_536, (i + 1) * 65_536);
      const theirs = floats(own, "masks");
      expect(plane.filter((logit, k) => logit > 0 !== (theirs[k] as number) > 0).length).toBeLessThan(10);
      for (const [name, inOnnx] of [
        ["iou_scores", "iou_predictions"],
        ["object_score_logits", "object_score_logits"],
      ] as const)
        expect(floats(out, name)[i]).toBeCloseTo(floats(own, inOnnx)[0] as number, 4);
    }
  });

  it("gets from preprocess.mjs the input that the API makes", () => {
    const { image: drawn } = discImage(1300, 700, { x: 400, y: 300, radius: 90 });
    const given = preprocess(drawn, ort.Tensor, [{ box: [130, 70, 650, 350] }, { points: [[650, 350, 1]] }]);
    const [ours, theirs] = [given.pixel_values.data as Float32Array, stretchedInput(drawn)];
    expect(ours.length).toBe(theirs.length);
    const most = ours.reduce((far, value, i) => Math.max(far, Math.abs(value - (theirs[i] as number))), 0);
    expect(most).toBeLessThan(1e-5);
    const points = [...(given.input_points.data as Float32Array)].map((value) => Math.round(value * 10) / 10);
    expect(points).toEqual([102.4, 102.4, 512, 512, 512, 512, 0, 0]);
    expect([...(given.input_labels.data as BigInt64Array)]).toEqual([2n, 3n, 1n, -10n]);
    expect([given.original_sizes, given.reshaped_input_sizes]).toEqual([[[700, 1300]], [[1024, 1024]]]);
  });
});
