import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readDecoderOnnx } from "../../src/checkpoint/decoder-onnx.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { embeddingParts } from "../../src/domain/model-family.ts";
import { decoderOnnxFile } from "../../src/exports/onnx.ts";
import { sam2ManyVariants } from "../../src/graphs/files.ts";
import { dataType, decodeModel, float32Values } from "../../src/lib/onnx-proto.ts";
import ort from "../../src/lib/onnxruntime.ts";
import { diskTarget } from "../parity/support.ts";
import { sam2Decoder, sam2Embedding } from "../worlds/sam2-decoder.ts";

/** What Hugging Face's Sam2Model answers on the same embeddings: peers/reference/sam2_decoder.py. */
interface Answer {
  readonly embedding: 0 | 1;
  readonly box?: number[];
  readonly points?: number[][];
  readonly mask?: boolean;
  readonly runs: number[][];
  readonly iou: number[];
  readonly object_score: number;
  /** The mask that it answers with where one is asked for. */
  readonly single: number;
}
const { answers } = JSON.parse(
  readFileSync(new URL("../parity/reference/sam2-decoder.json", import.meta.url), "utf8"),
) as { answers: Answer[] };

type Outputs = Readonly<Record<string, ort.Tensor>>;
const files = new Map<string, Uint8Array>();
const sessions = new Map<string, ort.InferenceSession>();
const embeddings = [0, 1].map((b) => featuresOf(sam2Embedding(b)));
beforeAll(async () => {
  const weights = await sam2Decoder();
  for (const variant of [...sam2ManyVariants, "engine"] as const) {
    const file = await decoderOnnxFile(weights, { variant }, { made_by: "a test" });
    files.set(variant, file);
    const options = { intraOpNumThreads: 1, logSeverityLevel: 3 as const };
    sessions.set(variant, await ort.InferenceSession.create(file, options));
  }
});
afterAll(async () => {
  for (const session of sessions.values()) await session.release();
});

function featuresOf(flat: Float32Array): Outputs {
  const [image, fine, coarse] = embeddingParts.sam2.map(
    ({ offset, length, shape }) =>
      new ort.Tensor(Float32Array.from(flat.subarray(offset, offset + length)), [1, ...shape]),
  ) as [ort.Tensor, ort.Tensor, ort.Tensor];
  return { image_embed: image, high_res_feats_0: fine, high_res_feats_1: coarse };
}

/** Points, then a box's corners. */
function tokensOf({ box, points = [] }: Answer): number[][] {
  const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = box ?? [];
  const corners = [
    [x0, y0, 2],
    [x1, y1, 3],
  ];
  return [...points, ...(box ? corners : [])];
}

/** `least`: tokens of each prompt, filled up with some that are not there. */
async function run(variant: string, prompts: readonly Answer[], least = 0): Promise<Outputs> {
  const lists = prompts.map(tokensOf);
  const most = Math.max(least, ...lists.map(({ length }) => length));
  const filled = lists.flatMap((list) => Array.from({ length: most }, (_, i) => list[i] ?? [0, 0, -2]));
  const [prompt] = prompts as [Answer];
  const mask = diskTarget(prompt.embedding).map((value) => 8 * (2 * value - 1));
  const tensor = (values: ArrayLike<number>, dims: number[]): ort.Tensor =>
    new ort.Tensor(Float32Array.from(values), dims);
  const feeds = {
    ...embeddings[prompt.embedding],
    point_coords: tensor(
      filled.flatMap(([x = 0, y = 0]) => [x, y]),
      [prompts.length, most, 2],
    ),
    point_labels: tensor(
      filled.map(([, , label]) => label as number),
      [prompts.length, most],
    ),
    mask_input: tensor(prompt.mask ? mask : new Float32Array(65_536), [1, 1, 256, 256]),
    has_mask_input: tensor([prompt.mask ? 1 : 0], [1]),
  };
  return (await sessions.get(variant)?.run(feeds)) as Outputs;
}

const values = (outputs: Outputs, name: string): Float32Array => outputs[name]?.data as Float32Array;

/** IoU of logits above 0 and a mask by its runs, the first of background. */
function iouOf(logits: Float32Array, runs: readonly number[]): number {
  const theirs = runs.flatMap((length, k) => Array.from({ length }, () => k % 2 === 1));
  const both = logits.reduce((sum, logit, i) => sum + (logit > 0 && theirs[i] ? 1 : 0), 0);
  return both / logits.reduce((sum, logit, i) => sum + (logit > 0 || theirs[i] ? 1 : 0), 0);
}

describe("SAM 2's decoder as ONNX in samexporter's layout", () => {
  it.each(answers.map((answer, i) => [Object.keys(answer).slice(0, -5).join(", "), i]))(
    "gives Sam2Model's masks, scores and object score: %s",
    async (_name, i) => {
      const answer = answers[i] as Answer;
      const [all, single, multi] = (await Promise.all(
        ["all", "single", "multi"].map((variant) => run(variant, [answer])),
      )) as [Outputs, Outputs, Outputs];
      for (const [name, shape] of [
        ["masks", [1, 1, 256, 256]],
        ["multimask_masks", [1, 4, 256, 256]],
        ["iou_predictions", [1, 1]],
      ] as const)
        expect(all[name]?.dims).toEqual(shape);
      const four = values(all, "multimask_masks");
      const scores = values(all, "multimask_iou_predictions");
      const plane = (m: number): Float32Array => four.subarray(m * 65_536, (m + 1) * 65_536);
      for (const [m, runs] of answer.runs.entries()) {
        expect(iouOf(plane(m), runs)).toBeGreaterThan(0.995);
        expect(scores[m]).toBeCloseTo(answer.iou[m] ?? NaN, 4);
      }
      expect(values(all, "object_score_logits")[0]).toBeCloseTo(answer.object_score, 4);
      expect(values(all, "masks")).toEqual(plane(0));
      expect(values(multi, "masks")).toEqual(four.subarray(65_536));
      expect(values(multi, "iou_predictions")).toEqual(scores.subarray(1));
      // Which of the four Sam2Model chooses where mask 0 is not stable
      expect(values(single, "masks")).toEqual(plane(answer.single));
      expect(values(single, "iou_predictions")[0]).toBe(scores[answer.single]);
    },
  );

  it("answers prompts of different lengths in one call as one by one", async () => {
    const prompts = [answers[0] as Answer, { ...(answers[2] as Answer), embedding: 0 } as Answer];
    const together = await run("all", prompts);
    expect(together["masks"]?.dims).toEqual([2, 1, 256, 256]);
    for (const [i, prompt] of prompts.entries()) {
      const alone = await run("all", [prompt]);
      const own = values(together, "masks").subarray(i * 65_536, (i + 1) * 65_536);
      const wanted = values(alone, "masks");
      expect(own.filter((logit, k) => logit > 0 !== (wanted[k] as number) > 0).length).toBeLessThan(10);
    }
  });

  it("answers in fixed shapes as an engine does", async () => {
    const { graph } = decodeModel(files.get("engine") as Uint8Array);
    const dims = [...graph.input, ...graph.output].flatMap(({ type }) => type?.tensorType?.shape?.dim ?? []);
    expect(dims.filter(({ dimValue }) => !dimValue)).toEqual([]);
    const kinds = new Set(graph.node.map(({ opType }) => opType));
    for (const free of ["Shape", "Resize", "NonZero", "Loop", "If", "TopK"])
      expect(kinds).not.toContain(free);
    const numbers = graph.initializer.filter((tensor) => tensor.dataType === dataType.float);
    for (const tensor of numbers)
      expect(float32Values(tensor).every((one) => Math.abs(one) < 65_504)).toBe(true);
    for (const answer of answers.slice(0, 4)) {
      const [found, wanted] = [await run("engine", [answer], 8), await run("all", [answer])];
      expect(Object.keys(found)).toEqual(["low_res_masks", "iou_predictions", "object_score_logits"]);
      const apart = values(found, "low_res_masks").map((logit, i) =>
        Math.abs(logit - (values(wanted, "masks")[i] as number)),
      );
      expect(Math.max(...apart.subarray(0, 65_536))).toBeLessThan(1e-3);
      for (const one of ["iou_predictions", "object_score_logits"])
        expect(values(found, one)[0]).toBeCloseTo(values(wanted, one)[0] ?? NaN, 5);
    }
  });

  it("holds all of its tensors, and its card, for imports", async () => {
    const { tensors = {}, metadata = {} } = readDecoderOnnx(files.get("multi") as Uint8Array) ?? {};
    const [found, wanted] = [tensors, await sam2Decoder()].map((named) =>
      encodeSafetensors(Object.fromEntries(Object.entries(named).toSorted(([a], [b]) => (a < b ? -1 : 1)))),
    );
    expect(found).toEqual(wanted);
    expect(metadata).toEqual({ made_by: "a test" });
  });
});
