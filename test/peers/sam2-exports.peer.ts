import { execFile } from "node:child_process";
import { createWriteStream, existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { importBaseModel } from "../../src/base-models/import-base-model.ts";
import { BaseModels } from "../../src/base-models/registry.ts";
import type { Version } from "../../src/db/queries/versions.ts";
import { plainFocus } from "../../src/domain/focus.ts";
import { exportVersion } from "../../src/exports/index.ts";
import type { ExportFormat } from "../../src/exports/types.ts";
import type { Inference } from "../../src/inference/inference.ts";
import type { Prompt } from "../../src/inference/types.ts";
import { tinySam2Pt } from "../base-models/sam2-files.ts";
import { testInference } from "../helpers/inference.ts";
import { localTestStore } from "../helpers/objects.ts";
import { tinyHiera } from "../helpers/tiny-encoder.ts";
import { filesOf } from "../helpers/unzip.ts";
import { askBundle, type Asked, versionWith, writeCases } from "../worlds/bundles.ts";
import { asSharp } from "../worlds/images.ts";
import { sceneImage } from "../worlds/scene.ts";
import { hasSam2, runPython } from "./python.ts";

/** A SAM 2 with random weights in its image encoder and MobileSAM's in its decoder, and a version of it. */
const name = "sam2_tiny";
/** transformers.js 4.3, which tools/test-peers.sh installs. */
const transformersJs = resolve(import.meta.dirname, "../../.venv/transformers-js");
const architectures = { tiny: tinyHiera };
let storage: Awaited<ReturnType<typeof localTestStore>>;
let inference: Inference;
let folder: string;
let models: BaseModels;
let version: Version;
let cases: string;
beforeAll(async () => {
  storage = await localTestStore();
  folder = await mkdtemp(join(tmpdir(), "maskwright-sam2-"));
  const modelsFolder = join(storage.dir, "models");
  models = new BaseModels(storage.store, modelsFolder);
  await importBaseModel({
    store: storage.store,
    models,
    paths: [await tinySam2Pt(folder)],
    name,
    workFolder: join(storage.dir, "import"),
    architectures,
  });
  inference = await testInference(storage.store, { modelsFolder });
  version = await versionWith(storage.store, plainFocus, await models.get(name));
  const prompts = (by: number): Prompt[] => [
    { box: [20 * by, 15 * by, 80 * by, 75 * by] },
    { points: [[150 * by, 140 * by, 1]] },
    { box: [108 * by, 18 * by, 172 * by, 62 * by], points: [[120 * by, 30 * by, 1]] },
  ];
  const scene = asSharp(sceneImage());
  const asked: Asked[] = [
    { bytes: await scene.clone().png().toBuffer(), prompts: prompts(1) },
    { bytes: await scene.clone().resize({ width: 1320 }).png().toBuffer(), prompts: prompts(5.5) },
  ];
  cases = join(folder, "cases");
  await writeCases(cases, inference, version, asked);
});
afterAll(async () => {
  await inference?.close();
  await storage?.close();
  await rm(folder, { recursive: true });
});

const exported = async (format: ExportFormat): Promise<Readable> => {
  const subject = { projectId: "prj_1", base: await models.get(name), version, architectures };
  const { content } = await exportVersion(storage.store, subject, { format, full: true, variant: "all" });
  return content as Readable;
};

/** A folder of what the version's zip in a format holds. */
async function unpacked(format: ExportFormat): Promise<string> {
  for (const [file, bytes] of await filesOf(await buffer(await exported(format)))) {
    const path = join(folder, format, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  }
  return join(folder, format);
}

/** Mask IoU, what is between the scores, and the share of the image that the API's mask is: a row a prompt. */
type Row = readonly [iou: number, apart: number, area: number];

function expectSame(rows: readonly Row[]): void {
  expect(rows).toHaveLength(6);
  for (const [iou, apart, area] of rows) {
    expect(iou).toBeGreaterThan(0.995);
    expect(apart).toBeLessThan(1e-4);
    // Neither nothing nor everything
    expect(area).toBeGreaterThan(0.001);
    expect(area).toBeLessThan(0.999);
  }
}

/** Prints the answers of `answer(image, prompt)`, a mask [H, W] and a score, beside the API's, as rows. */
const compare = `
rows = []
for case in json.load(open(cases + "/cases.json")):
    image = Image.open(cases + "/" + case["image"]).convert("RGB")
    for k, prompt in enumerate(case["prompts"]):
        mask, score = answer(image, prompt)
        wanted = np.fromfile(f"{cases}/{case['image']}.{k}.u8", np.uint8).reshape(mask.shape) > 0
        both, either = (mask & wanted).sum(), (mask | wanted).sum()
        rows.append([float(both / either), abs(score - case["scores"][k]), float(wanted.mean())])
`;

const asked = async (code: string, args: readonly string[]): Promise<unknown> =>
  JSON.parse((await runPython(code, args)).trim().split("\n").at(-1) ?? "");

const askSam2Model = `
import json, sys
import numpy as np, torch
import torch.nn.functional as F
from PIL import Image
from transformers import Sam2Model
folder, cases = sys.argv[1:3]
model, info = Sam2Model.from_pretrained(folder, output_loading_info=True)
model.eval()
given = json.load(open(folder + "/preprocessor_config.json"))
mean, std = (torch.tensor(given[name])[:, None, None] for name in ("image_mean", "image_std"))
side = (given["size"]["height"], given["size"]["width"])
def answer(image, prompt):
    # What torchvision's Resize does, which Sam2Processor calls
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] * given["rescale_factor"]
    frame = F.interpolate(pixels, side, mode="bilinear", antialias=True)
    scale = torch.tensor([side[1] / image.width, side[0] / image.height])
    inputs = {"pixel_values": (frame - mean) / std}
    if "box" in prompt:
        inputs["input_boxes"] = (torch.tensor(prompt["box"]).reshape(2, 2) * scale).reshape(1, 1, 4)
    if "points" in prompt:
        inputs["input_points"] = torch.tensor([[[point[:2] for point in prompt["points"]]]]) * scale
        inputs["input_labels"] = torch.tensor([[[point[2] for point in prompt["points"]]]])
    with torch.no_grad():
        out = model(**inputs, multimask_output=False)
    logits = F.interpolate(out.pred_masks[0], (image.height, image.width), mode="bilinear")
    return logits[0, 0].numpy() > 0, out.iou_scores.item()
${compare}
print(json.dumps([[len(info[name]) for name in ("missing_keys", "unexpected_keys", "mismatched_keys")], rows]))
`;

it("as hf answers in transformers' Sam2Model as the API does", async () => {
  const [loading, rows] = (await asked(askSam2Model, [await unpacked("hf"), cases])) as [number[], Row[]];
  expect(loading).toEqual([0, 0, 0]);
  expectSame(rows);
});

/** As the card says: laid over a checkpoint that has what videos want, which build_sam2 asks for. */
const askMeta = `
import json, sys
import numpy as np, torch
from PIL import Image
from sam2.build_sam import build_sam2
from sam2.sam2_image_predictor import SAM2ImagePredictor
path, cases = sys.argv[1:3]
tiny = {"trunk.embed_dim": 8, "trunk.stages": [1, 1, 2, 1], "trunk.global_att_blocks": [3], "neck.backbone_channel_list": [64, 32, 16, 8]}
built = {"device": "cpu", "hydra_overrides_extra": [f"++model.image_encoder.{key}={value}" for key, value in tiny.items()]}
config = "configs/sam2.1/sam2.1_hiera_t.yaml"
checkpoint = {"model": build_sam2(config, **built).state_dict()}
ours = torch.load(path, weights_only=True)["model"]
left = {name.split(".")[0] for name in checkpoint["model"].keys() - ours.keys()}
strange = sorted(ours.keys() - checkpoint["model"].keys())
checkpoint["model"].update(ours)
torch.save(checkpoint, path + ".tuned")
predictor = SAM2ImagePredictor(build_sam2(config, path + ".tuned", apply_postprocessing=False, **built))
def answer(image, prompt):
    predictor.set_image(image)
    points = prompt.get("points")
    masks, scores, _ = predictor.predict(
        point_coords=points and np.array([point[:2] for point in points]),
        point_labels=points and np.array([point[2] for point in points]),
        box=prompt.get("box") and np.array(prompt["box"]),
        multimask_output=False)
    return masks[0] > 0, float(scores[0])
${compare}
print(json.dumps([strange, sorted(left), rows]))
`;

it.skipIf(!hasSam2)("as pth answers in Meta's SAM2ImagePredictor as the API does", async () => {
  const path = join(folder, "version.pth");
  await pipeline(await exported("pth"), createWriteStream(path));
  const [strange, left, rows] = (await asked(askMeta, [path, cases])) as [string[], string[], Row[]];
  expect(strange).toEqual([]);
  expect(left).toEqual([
    "mask_downsample",
    "maskmem_tpos_enc",
    "memory_attention",
    "memory_encoder",
    "no_mem_pos_enc",
    "no_obj_embed_spatial",
    "no_obj_ptr",
    "obj_ptr_proj",
    "obj_ptr_tpos_proj",
  ]);
  expectSame(rows);
});

it.skipIf(!existsSync(transformersJs))(
  "for transformers.js answers in its Sam2Model as the API does",
  async () => {
    const script = join(import.meta.dirname, "ask-transformers.mjs");
    const given = [script, transformersJs, await unpacked("transformersjs"), cases];
    const { stdout } = await promisify(execFile)(process.execPath, given);
    const rows = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as [number, number, number][];
    expect(rows).toHaveLength(6);
    for (const [ours, , apart] of rows) {
      expect(ours).toBeGreaterThan(0.995);
      expect(apart).toBeLessThan(1e-4);
    }
  },
);

/** Prints rows as `compare` does, asked of predict.mjs. */
const askRunner = `
import { readFile } from "node:fs/promises";
const [folder, cases] = process.argv.slice(1);
const { openVersion, readImage } = await import(folder + "/predict.mjs");
const version = await openVersion();
const rows = [];
for (const { image, prompts, scores } of JSON.parse(await readFile(cases + "/cases.json", "utf8"))) {
  const pixels = await readImage(cases + "/" + image);
  for (const [k, prompt] of prompts.entries()) {
    const { mask, score } = await version.predict(pixels, prompt);
    const wanted = await readFile(cases + "/" + image + "." + k + ".u8");
    const both = mask.filter((value, i) => value && wanted[i]).length;
    const either = mask.filter((value, i) => value || wanted[i]).length;
    rows.push([both / either, Math.abs(score - scores[k]), wanted.filter(Boolean).length / wanted.length]);
  }
}
console.log(JSON.stringify(rows));
`;

it("as a bundle answers from both runners as the API does", async () => {
  const bundle = await unpacked("bundle");
  await symlink(resolve(import.meta.dirname, "../../node_modules"), join(bundle, "node_modules"));
  const python = (await asked(askBundle, [bundle, cases])) as [number, number][];
  const node = ["--input-type=module", "-e", askRunner, bundle, cases];
  const { stdout } = await promisify(execFile)(process.execPath, node);
  const js = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Row[];
  expectSame(js);
  expectSame(python.map(([iou, apart], i) => [iou, apart, js[i]?.[2] ?? 0]));
});
