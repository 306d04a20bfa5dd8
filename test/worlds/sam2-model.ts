import { readFile } from "node:fs/promises";
import type { BaseModelManifest, StoredFile } from "../../src/base-models/manifest.ts";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { NodeList } from "../../src/graphs/onnx-nodes.ts";
import { sha256 } from "../../src/lib/hash.ts";
import {
  dataType,
  decodeModel,
  encodeModel,
  float32Tensor,
  type OnnxTensor,
  valueInfo,
} from "../../src/lib/onnx-proto.ts";
import { keys } from "../../src/storage/keys.ts";
import type { ObjectStore } from "../../src/storage/store.ts";
import { sam2Decoder } from "./sam2-decoder.ts";

export const sam2Name = "sam2_drawn";

/**
 * A base model of SAM 2's family that segments, put into the store as an import would: MobileSAM's image encoder with
 * high-resolution features of the colours beside its embedding, and the decoder of sam2-decoder.ts.
 */
export async function addSam2Model(store: ObjectStore): Promise<void> {
  const [encoder, decoder] = [await sam2Encoder(), encodeSafetensors(await sam2Decoder())];
  const put = async (file: string, bytes: Uint8Array) => {
    const key = keys.baseModelFile(sam2Name, "import", file);
    await store.put(key, bytes);
    return { file, key, sha256: sha256(bytes), bytes: bytes.length };
  };
  await addSam2Manifest(store, await put("encoder.onnx", encoder), await put("decoder.safetensors", decoder));
}

/** The same by its manifest alone, which is enough where it is only refused. */
export async function addSam2Manifest(
  store: ObjectStore,
  file: StoredFile = { file: "none", key: "none", sha256: sha256("none"), bytes: 0 },
  { key, sha256: hash }: Pick<StoredFile, "key" | "sha256"> = file,
): Promise<void> {
  const manifest: BaseModelManifest = {
    object: "base_model",
    name: sam2Name,
    family: "sam2",
    type: "onnx",
    source: { format: "drawn", files: [] },
    licence: "none",
    parameters: 0,
    created_at: "2026-01-01T00:00:00.000Z",
    embedding_id: file.sha256,
    encoder: { input: "normalised", graph: file.file, files: [file] },
    decoder: { key, sha256: hash },
  };
  await store.put(keys.baseModel(sam2Name), new TextEncoder().encode(JSON.stringify(manifest)));
}

/** From one image [1, 3, 1024, 1024] to the flat embedding of domain/model-family.ts, [1, 4194304]. */
async function sam2Encoder(): Promise<Uint8Array> {
  const model = decodeModel(await readFile(await baseModel("mobile_sam").encoderPath()));
  const { graph } = model;
  const [image, embedding] = [graph.input[0]?.name ?? "", graph.output[0]?.name ?? ""];
  const nodes = new NodeList();
  const weights: OnnxTensor[] = [];
  const features = (side: number, channels: number): string => {
    const name = `features_${side}`;
    const pixels = 1024 / side;
    const wave = Float32Array.from({ length: 3 * channels }, (_, i) => 0.02 * Math.sin(1.7 * i));
    weights.push(float32Tensor(name, [channels, 3, 1, 1], wave));
    const small = nodes.add("AveragePool", [image], {
      kernel_shape: [pixels, pixels],
      strides: [pixels, pixels],
    });
    return nodes.add("Conv", [small, name], { kernel_shape: [1, 1] });
  };
  const parts = [embedding, features(256, 32), features(128, 64)];
  const flat = parts.map((part) => nodes.add("Flatten", [part], { axis: 1 }));
  nodes.add("Concat", flat, { axis: 1 }, "flat");
  return encodeModel({
    ...model,
    graph: {
      ...graph,
      node: [...graph.node, ...nodes.take()],
      initializer: [...graph.initializer, ...weights, ...nodes.initializers],
      output: [valueInfo("flat", dataType.float, [1, 4_194_304])],
    },
  });
}
