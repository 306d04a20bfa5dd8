import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import type { NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { writeLogits } from "../../src/imaging/wire-mask.ts";
import type { Point } from "../../src/imaging/types.ts";
import type { Prompt } from "../../src/inference/types.ts";
import { sha256 } from "../../src/lib/hash.ts";
import type { VersionRef } from "../../src/inference/types.ts";
import { errorOf } from "../helpers/codes.ts";
import { box, centre, masksOf, openDisc } from "./disc.ts";

let disc: Awaited<ReturnType<typeof openDisc>>;
beforeAll(async () => {
  disc = await openDisc();
});
afterAll(() => disc.close());

const predict: typeof disc.predict = (prompts, options) => disc.predict(prompts, options);
describe("versions", () => {
  const put = async (change: (weights: NamedTensors) => NamedTensors) => {
    const file = encodeSafetensors(change(await baseModel("mobile_sam").decoderWeights()));
    const key = `projects/prj_1/versions/${sha256(file)}.safetensors`;
    await disc.store.put(key, file);
    return { weightsKey: key, weightsSha256: sha256(file) };
  };

  test("are served side by side, each by its own weights", async () => {
    const same = await put((weights) => weights);
    // The sign of the last hypernetwork layer turns the mask of token 0 inside out.
    const turned = await put((weights) => {
      const names = ["weight", "bias"].map(
        (part) => `mask_decoder.output_hypernetworks_mlps.0.layers.2.${part}`,
      );
      const flip = names.map((name) => {
        const tensor = weights[name];
        if (!tensor) throw new Error(`${name} is missing`);
        return [name, { shape: tensor.shape, data: tensor.data.map((value) => -value) }] as const;
      });
      return { ...weights, ...Object.fromEntries(flip) };
    });
    const versions = [{ number: 0 }, { number: 7, ...turned }, { number: 3, ...same }];
    const result = await predict([{ box }, { points: [centre] }], { versions });
    expect(result.results.map(({ version }) => version)).toEqual([0, 7, 3]);
    for (const prompt of [0, 1]) {
      expect(masksOf(result, prompt, 2)).toEqual(masksOf(result, prompt, 0));
      const [first, second] = [0, 1].map((version) => masksOf(result, prompt, version)[0]?.area ?? 0);
      expect((first as number) + (second as number)).toBe(400 * 300);
    }
  });

  test("whose file is missing, or another, or no decoder, are not served", async () => {
    const same = await put((weights) => weights);
    const missing = {
      number: 1,
      weightsKey: "projects/prj_1/versions/none.safetensors",
      weightsSha256: "0".repeat(64),
    };
    /** What a caller is told, and what the store had said. */
    const codesOf = async (version: VersionRef) => {
      const error = await errorOf(() => predict([{ box }], { versions: [version] }));
      return [error?.code, (error?.cause as { code?: string } | undefined)?.code];
    };
    expect(await codesOf(missing)).toEqual(["version_damaged", "object_not_found"]);
    const other = { number: 1, weightsKey: same.weightsKey, weightsSha256: "0".repeat(64) };
    expect(await codesOf(other)).toEqual(["version_damaged", "object_corrupted"]);
    const partial = await put((weights) => Object.fromEntries(Object.entries(weights).slice(1)));
    expect(await codesOf({ number: 1, ...partial })).toEqual(["version_damaged", "object_corrupted"]);
  });
});

describe("a prompt is refused", () => {
  const points = (...list: Point[]): Prompt => ({ points: list });
  test.each<[string, Prompt, string, string]>([
    ["empty", {}, "prompt_empty", "prompts[1]"],
    ["no points", points(), "prompt_empty", "prompts[1]"],
    ["a box outside", { box: [0, 0, 401, 300] }, "box_outside_image", "prompts[1].box"],
    ["a box with NaN", { box: [0, 0, Number.NaN, 300] }, "box_outside_image", "prompts[1].box"],
    ["a box without area", { box: [10, 10, 10, 20] }, "box_zero_area", "prompts[1].box"],
    ["a point outside", points(centre, [-1, 5, 1]), "point_outside_image", "prompts[1].points[1]"],
    ["an unknown label", points([5, 5, 2]), "point_label_unknown", "prompts[1].points[0]"],
    [
      "too many points",
      points(...Array.from({ length: 64 }, () => centre)),
      "too_many_points",
      "prompts[1].points",
    ],
    [
      "a mask of another size",
      { mask: { format: "rle", size: [400, 300], counts: "PPe3" } },
      "mask_size_mismatch",
      "prompts[1].mask",
    ],
    [
      "a mask that does not add up",
      { mask: { format: "rle", size: [300, 400], counts: "1" } },
      "mask_rle_invalid",
      "prompts[1].mask.counts",
    ],
    [
      "logits of another size",
      { mask: writeLogits(new Float32Array(12), [3, 4]) },
      "mask_size_mismatch",
      "prompts[1].mask",
    ],
    [
      "logits that are cut short",
      { mask: { ...writeLogits(new Float32Array(12), [256, 256]) } },
      "mask_logits_invalid",
      "prompts[1].mask.data",
    ],
  ])("when it is or has %s", async (_what, prompt, code, param) => {
    const error = await errorOf(() => predict([{ box }, prompt]));
    expect([error?.code, error?.param]).toEqual([code, param]);
  });

  test("but 63 points are answered", async () => {
    const result = await predict([points(...Array.from({ length: 63 }, () => centre))]);
    expect(masksOf(result)).toHaveLength(1);
  });
});
