import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { importBaseModel } from "../../src/base-models/import-base-model.ts";
import { BaseModels } from "../../src/base-models/registry.ts";
import ort from "../../src/lib/onnxruntime.ts";
import { localTestStore } from "../helpers/objects.ts";
import { tinyHiera } from "../helpers/tiny-encoder.ts";
import { runPython } from "./python.ts";

/** A Sam2VideoModel as transformers saves it, with tinyHiera's image encoder, and what it makes of an image. */
const makeModel = `
import sys, numpy as np, torch
from transformers import Sam2Config, Sam2HieraDetConfig, Sam2Model, Sam2VideoConfig, Sam2VideoModel, Sam2VisionConfig
torch.manual_seed(3)
widths = [8, 16, 32, 64]
backbone = Sam2HieraDetConfig(hidden_size=8, blocks_per_stage=[1, 1, 2, 1], embed_dim_per_stage=widths,
    num_attention_heads_per_stage=[1, 2, 4, 8], window_size_per_stage=[8, 4, 14, 7], global_attention_blocks=[3])
vision = Sam2VisionConfig(backbone_config=backbone, backbone_channel_list=widths[::-1])
video = Sam2VideoModel(Sam2VideoConfig(vision_config=vision)).eval()
with torch.no_grad():
    for parameter in video.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.05)
video.save_pretrained(sys.argv[1])
model = Sam2Model.from_pretrained(sys.argv[1]).eval()
pixels = torch.randn(1, 3, 1024, 1024)
with torch.no_grad():
    finest, finer, image = model.get_image_embeddings(pixels)
pixels.numpy().tofile(sys.argv[1] + "/pixels.f32")
np.concatenate([part.numpy().ravel() for part in (image, finest, finer)]).tofile(sys.argv[1] + "/embedding.f32")
points = model.prompt_encoder.point_embed.weight
print(float(points[2, 7]), float(model.mask_decoder.obj_score_token.weight[0, 5]))
`;

it("imports what transformers saves of a SAM 2, and embeds an image as Sam2Model does", async () => {
  const storage = await localTestStore();
  try {
    const folder = join(storage.dir, "theirs");
    await mkdir(folder);
    const [point, score] = (await runPython(makeModel, [folder])).split(" ").map(Number);
    const models = new BaseModels(storage.store, join(storage.dir, "models"));
    const { manifest, notes } = await importBaseModel({
      store: storage.store,
      models,
      paths: [folder],
      name: "theirs",
      workFolder: join(storage.dir, "import"),
      architectures: { tiny: tinyHiera },
    });
    expect([manifest.family, manifest.source.format]).toEqual(["sam2", "safetensors, Hugging Face's names"]);
    expect(notes).toEqual([expect.stringMatching(/^What SAM 2 follows objects through videos with/)]);
    const model = await models.get("theirs");
    const weights = await model.decoderWeights();
    expect(weights["prompt_encoder.point_embeddings.2.weight"]?.data[7]).toBeCloseTo(point as number, 6);
    expect(weights["mask_decoder.obj_score_token.weight"]?.data[5]).toBeCloseTo(score as number, 6);

    const floats = async (name: string) =>
      new Float32Array(new Uint8Array(await readFile(join(folder, name))).buffer);
    const session = await ort.InferenceSession.create(await model.encoderPath());
    const pixels = new ort.Tensor("float32", await floats("pixels.f32"), [1, 3, 1024, 1024]);
    const { image_embedding: embedding } = await session.run({ pixels });
    await session.release();
    const [ours, theirs] = [embedding?.data as Float32Array, await floats("embedding.f32")];
    const largest = theirs.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const furthest = theirs.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - (ours[i] as number))),
      0,
    );
    expect(furthest / largest).toBeLessThan(1e-5);
  } finally {
    await storage.close();
  }
});
