import { createWriteStream } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import ort from "../../src/lib/onnxruntime.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BaseModel, baseModel } from "../../src/checkpoint/base-models.ts";
import { exportVersion } from "../../src/exports/index.ts";
import type { ExportOptions } from "../../src/exports/types.ts";
import { seededRandom } from "../../src/lib/random.ts";
import type { ObjectStore } from "../../src/storage/store.ts";
import { hasMeta, runPython } from "./python.ts";

/** Exports of a base whose decoder is changed, so that a file with the untouched weights would not do. */
const original = baseModel("mobile_sam");
const base: BaseModel = {
  ...original,
  decoderWeights: async () =>
    Object.fromEntries(
      Object.entries(await original.decoderWeights()).map(([name, { shape, data }]) => [
        name,
        { shape, data: name.startsWith("mask_decoder.") ? data.map((value) => value * 1.02) : data },
      ]),
    ),
};

let folder: string;
const at = (name: string): string => join(folder, name);
const reference = resolve(import.meta.dirname, "../../peers/reference");
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "maskwright-peers-"));
  const wanted: Record<string, ExportOptions> = {
    "sam.safetensors": { format: "safetensors", full: false, variant: "all" },
    "sam.pth": { format: "pth", full: false, variant: "all" },
    "sam.zip": { format: "hf", full: false, variant: "all" },
    "sam.onnx": { format: "onnx", full: false, variant: "all" },
    "multi.onnx": { format: "onnx", full: false, variant: "multi" },
  };
  for (const [name, options] of Object.entries(wanted)) {
    // Nothing is read of the store: the base's weights come along.
    const { content } = await exportVersion(
      {} as ObjectStore,
      { projectId: "prj_1", base, version: null },
      options,
    );
    await pipeline(Readable.from([content as Uint8Array]), createWriteStream(at(name)));
  }
  const random = seededRandom(3);
  const embedding = Float32Array.from({ length: 256 * 4096 }, () => random.normal() * 0.1);
  await writeFile(at("embedding.f32"), Buffer.from(embedding.buffer));
  await writeFile(at("ours.f32"), Buffer.from(await ourLogits(embedding)));
});
afterAll(() => rm(folder, { recursive: true }));

/** Low-res logits of all four masks for one box, from our own export in our own runtime. */
async function ourLogits(embedding: Float32Array): Promise<ArrayBuffer> {
  const session = await ort.InferenceSession.create(at("multi.onnx"), { logSeverityLevel: 3 });
  const { low_res_masks: masks } = await session.run({
    image_embeddings: new ort.Tensor(embedding, [1, 256, 64, 64]),
    point_coords: new ort.Tensor(Float32Array.of(100, 200, 700, 650), [1, 2, 2]),
    point_labels: new ort.Tensor(Float32Array.of(2, 3), [1, 2]),
    mask_input: new ort.Tensor(new Float32Array(65_536), [1, 1, 256, 256]),
    has_mask_input: new ort.Tensor(new Float32Array(1), [1]),
    orig_im_size: new ort.Tensor(Float32Array.of(300, 400), [2]),
  });
  await session.release();
  if (!masks) throw new Error("the decoder gave no low-res masks");
  return (masks.data as Float32Array<ArrayBuffer>).buffer;
}

const common = `
import json, sys
import numpy as np
folder, reference = sys.argv[1:3]
embedding = np.fromfile(folder + "/embedding.f32", np.float32).reshape(1, 256, 64, 64)
ours = np.fromfile(folder + "/ours.f32", np.float32).reshape(4, 256, 256)
def told(logits, **more):
    logits = np.asarray(logits).reshape(-1, 256, 256)
    wanted = ours[-len(logits):]
    both, either = ((logits > 0) & (wanted > 0)).sum(), ((logits > 0) | (wanted > 0)).sum()
    print(json.dumps({"apart": float(np.abs(logits - wanted).max() / np.abs(wanted).max()), "iou": float(both / either), **more}))
`;

async function peer(code: string): Promise<Record<string, unknown>> {
  const printed = await runPython(common + code, [folder, reference]);
  return JSON.parse(printed.trim().split("\n").at(-1) ?? "") as Record<string, unknown>;
}

/** The aim: logits within 1e-3 of their largest, masks at IoU .995. Measured: about 1e-6. */
function expectSame({ apart, iou }: Record<string, unknown>): void {
  expect(apart).toBeLessThan(1e-4);
  expect(iou).toBeGreaterThan(0.9999);
}

describe("our exports in Python", () => {
  it("load in onnxruntime, checked by onnx", async () => {
    const found = await peer(`
import onnx, onnxruntime
model = onnx.load(folder + "/sam.onnx")
onnx.checker.check_model(model, full_check=True)
session = onnxruntime.InferenceSession(folder + "/sam.onnx")
names = [o.name for o in session.get_outputs()]
def run(coords, labels):
    return dict(zip(names, session.run(None, {
        "image_embeddings": embedding,
        "point_coords": np.array([coords], np.float32), "point_labels": np.array([labels], np.float32),
        "mask_input": np.zeros((1, 1, 256, 256), np.float32), "has_mask_input": np.zeros(1, np.float32),
        "orig_im_size": np.array([300, 400], np.float32)})))
out = run([[100, 200], [700, 650]], [2, 3])
shapes = [list(run([[9, 9]] * n, [1] * n)["masks"].shape) for n in (1, 2, 5, 11)]
told(out["multimask_low_res_masks"], opset=[o.version for o in model.opset_import], shapes=shapes,
     project={p.key: p.value for p in model.metadata_props}["project"])
`);
    expectSame(found);
    expect(found).toMatchObject({ opset: [17], project: "prj_1" });
    expect(found["shapes"]).toEqual(Array.from({ length: 4 }, () => [1, 1, 300, 400]));
  });

  it.each([
    ["sam.pth", `torch.load(path, weights_only=True)`],
    ["sam.pth", `torch.load(path, weights_only=True, mmap=True)`],
    ["sam.safetensors", `safetensors.torch.load_file(path)`],
  ])("load in PyTorch: %s by %s", async (name, load) => {
    const found = await peer(`
import torch, safetensors.torch
sys.path.insert(0, reference)
import sam_reference as sam
path = folder + "/${name}"
weights = ${load}
with torch.no_grad():
    sparse = sam.embed_points(weights, torch.tensor([[[100., 200.], [700., 650.]]]), torch.tensor([[2, 3]]))
    image = torch.from_numpy(embedding).flatten(2).transpose(1, 2)
    masks, _ = sam.decode(weights, image, sparse, weights["prompt_encoder.no_mask_embed.weight"])
told(masks, tensors=len(weights), types=sorted({str(t.dtype) for t in weights.values()}))
`);
    expectSame(found);
    expect(found).toMatchObject({ tensors: 137, types: ["torch.float32"] });
  });

  it.skipIf(!hasMeta)("load in Meta's own modules, strictly", async () => {
    const found = await peer(`
import torch
from segment_anything.modeling import MaskDecoder, PromptEncoder, TwoWayTransformer
state = torch.load(folder + "/sam.pth", weights_only=True)
transformer = TwoWayTransformer(depth=2, embedding_dim=256, mlp_dim=2048, num_heads=8)
parts = {
    "prompt_encoder": PromptEncoder(embed_dim=256, image_embedding_size=(64, 64), input_image_size=(1024, 1024), mask_in_chans=16),
    "mask_decoder": MaskDecoder(transformer_dim=256, transformer=transformer, num_multimask_outputs=3, iou_head_depth=3, iou_head_hidden_dim=256),
}
for name, part in parts.items():
    part.load_state_dict({k[len(name) + 1:]: v for k, v in state.items() if k.startswith(name + ".")}, strict=True)
    part.eval()
with torch.no_grad():
    sparse, dense = parts["prompt_encoder"](points=None, boxes=torch.tensor([[100., 200., 700., 650.]]), masks=None)
    masks, _ = parts["mask_decoder"].predict_masks(
        image_embeddings=torch.from_numpy(embedding), image_pe=parts["prompt_encoder"].get_dense_pe(),
        sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense)
told(masks, tensors=sum(len(part.state_dict()) for part in parts.values()))
`);
    expectSame(found);
    expect(found["tensors"]).toBe(137);
  });

  it("load in transformers, all but the encoder that it does not know", async () => {
    const found = await peer(`
import zipfile, torch
from transformers import SamModel, SamProcessor, pipeline
zipfile.ZipFile(folder + "/sam.zip").extractall(folder + "/hf")
model, info = SamModel.from_pretrained(folder + "/hf", output_loading_info=True)
processor = SamProcessor.from_pretrained(folder + "/hf")
model.eval()
with torch.no_grad():
    out = model(image_embeddings=torch.from_numpy(embedding), input_boxes=torch.tensor([[[100., 200., 700., 650.]]]), multimask_output=True)
from PIL import Image
image = Image.new("RGB", (400, 300), "white")
def refusal(ask):
    try:
        ask()
    except ValueError as error:
        return str(error)
given = processor(image, input_boxes=[[[10, 20, 100, 200]]], return_tensors="pt")
refused = [
    refusal(lambda: model(**given)),
    refusal(lambda: pipeline("mask-generation", model=folder + "/hf", device="cpu")(image)),
]
told(out.pred_masks, refused=refused, missing=sorted({k.split(".")[0] for k in info["missing_keys"]}),
     others=[len(info[k]) for k in ("unexpected_keys", "mismatched_keys")],
     size=processor.image_processor.size["longest_edge"])
`);
    expectSame(found);
    expect(found).toMatchObject({ missing: ["vision_encoder"], others: [0, 0], size: 1024 });
    // Not an answer of an encoder that nobody trained.
    expect(found["refused"]).toEqual([
      "Input image size (1024*1024) doesn't match model (16*16).",
      "Input image size (1024*1024) doesn't match model (16*16).",
    ]);
  });
});
