import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { readDecoderOnnx } from "../../src/checkpoint/decoder-onnx.ts";
import { decodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import type { Version } from "../../src/db/queries/versions.ts";
import { baseText } from "../../src/console/state/base-choice.ts";
import type { VersionMetrics } from "../../src/domain/version.ts";
import { modelCard } from "../../src/exports/card.ts";
import type { ExportOptions } from "../../src/exports/types.ts";
import { toBaseChoice } from "../../src/routes/wire/base-choice.ts";
import { plainFocus } from "../../src/domain/focus.ts";
import { localTestStore, type TestStore } from "../helpers/objects.ts";
import { filesOf } from "../helpers/unzip.ts";
import { exported, versionWith } from "../worlds/bundles.ts";

let storage: TestStore;
let zoomed: Version;
let plain: Version;
beforeAll(async () => {
  storage = await localTestStore();
  const metrics: VersionMetrics = {
    heldOut: {
      images: 2,
      annotations: 3,
      base: { meanIou: 0.25, meanDice: 0.4 },
      tuned: { meanIou: 0.5, meanDice: 0.66 },
      decoderAlone: { meanIou: 0.375, meanDice: 0.55 },
    },
    perAnnotation: [],
    curve: [],
    bestEpoch: 1,
    split: { train: 8, selection: 2, heldOut: 2 },
    latency: {
      prompts: 6,
      box: { warmMs: 90, baseWarmMs: 70, ratio: 1.29, coldMs: 700, encodes: 1 },
      click: { warmMs: 99, baseWarmMs: 70, ratio: 1.41, coldMs: 1400, encodes: 2 },
    },
  };
  const focus = {
    zoom: { context: 1.5, tiles: 2, click_side: 90 },
    refine: { radius: 4, epsilon: 1e-3, threshold: 0.5 },
  };
  zoomed = { ...(await versionWith(storage.store, focus)), imported: null, metrics };
  plain = { ...zoomed, focus: plainFocus };
});
afterAll(() => storage?.close());

/** The model card in a file: README.md of a zip, and of a .pth, which is one; else a property. */
async function cardIn(bytes: Buffer): Promise<string> {
  if (bytes.subarray(0, 2).toString() === "PK") {
    const readme = [...(await filesOf(bytes))].find(([name]) => name.endsWith("README.md"));
    return readme?.[1].toString() ?? "";
  }
  const metadata = bytes[0] === 8 ? readDecoderOnnx(bytes)?.metadata : decodeSafetensors(bytes).metadata;
  return metadata?.["model_card"] ?? "";
}

const alone: Record<string, Partial<ExportOptions>> = {
  safetensors: { format: "safetensors" },
  pth: { format: "pth" },
  hf: { format: "hf" },
  "hf with the encoder beside": { format: "hf", full: true },
  onnx: { format: "onnx" },
  "onnx for CVAT": { format: "onnx", variant: "cvat" },
  "onnx by Meta's rule": { format: "onnx", variant: "single" },
  "onnx for engines": { format: "onnx", variant: "engine" },
  "onnx with its encoder": { format: "onnx", full: true },
};

describe("the card in a file", () => {
  it.each(Object.keys(alone))(
    "says first, where the decoder is alone in it, what that is worth: %s",
    async (name) => {
      const card = await cardIn(await exported(storage.store, zoomed, alone[name] ?? {}));
      const [, head] = /# .*, version 1\n\n(.*)\n/.exec(card) ?? [];
      expect(head).toMatch(/^\*\*This file holds the decoder alone\.\*\*/);
      expect(head).toContain("cut into 2 x 2 tiles and a guided filter");
      expect(head).toContain("**0.375 for this file**, 0.500 as served, 0.250 for the untuned base");
      expect(head).toContain("All of the version is in `format=bundle`");
      // What was measured with the window and the filter is claimed for nothing here.
      expect(card).toContain("| this file: the decoder alone | 0.375 | 0.550 |");
      for (const claim of ["| this version", "By kind of prompt", "warm, ms"])
        expect(card).not.toContain(claim);
      // No hub offers to ask it about images.
      for (const invitation of ["pipeline_tag", "library_name"]) expect(card).not.toContain(invitation);
      expect(card.includes("--return-single-mask")).toBe(name === "onnx by Meta's rule");
      expect(card.includes("refuses `pixel_values`")).toBe(name.startsWith("hf"));
    },
  );

  it("claims what was measured as served where the decoder is all that the version is", async () => {
    for (const options of Object.values(alone)) {
      const card = await cardIn(await exported(storage.store, plain, options));
      expect(card).toContain("| this version | 0.500 | 0.660 |");
      expect(card).not.toContain("alone");
    }
  });

  it("tells of the version itself both, which files are all of it, and how quickly it is served", async () => {
    const card = (await exported(storage.store, zoomed, { format: "card" })).toString();
    expect(card).toContain("| this version, as served | 0.500 | 0.660 |");
    expect(card).toContain("| its decoder alone, on the whole image | 0.375 | 0.550 |");
    expect(card).toContain("`format=bundle` is all of it");
    expect(card).toContain("| click | 99 | 70 | 1.41 | 1400 | 2 |");
    const bundle = await cardIn(await exported(storage.store, zoomed, { format: "bundle" }));
    expect(bundle).toContain("**This file holds all of the version**");
    expect(bundle).not.toContain("warm, ms");
  });

  it("tells users of transformers.js what its own processor costs, and what stays behind", () => {
    const subject = { projectId: "prj_1", base: baseModel("mobile_sam"), version: zoomed };
    const card = modelCard(subject, { format: "transformersjs", full: false, variant: "all" });
    expect(card).toContain("library_name: transformers.js");
    expect(card).toMatch(/preprocess\.mjs \.\d+ or more; SamProcessor \.\d+ to/);
    expect(card).toContain("**This file holds the decoder alone.**");
  });

  it("tells what base models came to, where the fine-tune chose one", () => {
    const baseChoice = {
      fineTuneId: "ft_1",
      tried: [
        { baseModel: "mobile_sam", meanIou: 0.5, tunedMeanIou: 0.625 },
        { baseModel: "sam2_tiny", meanIou: 0.25, tunedMeanIou: null },
      ],
      notTried: [],
      annotations: 12,
      seconds: 60,
    };
    const version = { ...zoomed, metrics: { ...(zoomed.metrics as VersionMetrics), baseChoice } };
    const subject = { projectId: "prj_1", base: baseModel("mobile_sam"), version };
    expect(modelCard(subject, { format: "card", full: false, variant: "all" })).toContain(
      "- Chosen: by mean IoU on 12 annotations that are not held out: `mobile_sam` 0.500 as it is, 0.625 after a short training; `sam2_tiny` 0.250 as it is\n",
    );
    expect(toBaseChoice(baseChoice)).toMatchObject({
      fine_tune_id: "ft_1",
      tried: [
        { base_model: "mobile_sam", mean_iou: 0.5, tuned_mean_iou: 0.625 },
        { base_model: "sam2_tiny", mean_iou: 0.25, tuned_mean_iou: null },
      ],
    });
    expect(baseText("mobile_sam", toBaseChoice(baseChoice))).toContain("mobile_sam 0.500 as it is");
  });

  it("does not make up what nobody measured", async () => {
    const { decoderAlone: _, ...heldOut } = (zoomed.metrics as VersionMetrics).heldOut;
    const before = { ...zoomed, metrics: { ...(zoomed.metrics as VersionMetrics), heldOut } };
    const card = await cardIn(await exported(storage.store, before, { format: "pth" }));
    expect(card).toContain("How the decoder does by itself was not measured");
    expect(card).toContain("| this file: the decoder alone | not measured | not measured |");
  });
});
