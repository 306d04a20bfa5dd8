import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import type { NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { contentsOf } from "../../src/checkpoint/tensor-content.ts";
import { torchFile } from "../../src/checkpoint/torch/write.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { type Answer, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject } from "../helpers/seeds.ts";

let app: TestApp;
let url: string;
let base: NamedTensors;
let weights: NamedTensors;

beforeAll(async () => {
  app = await testApp();
  url = `/v1/projects/${await makeProject(app.a)}/versions`;
  base = await baseModel("mobile_sam").decoderWeights();
  const name = "mask_decoder.iou_token.weight";
  const { shape, data } = base[name] as NamedTensors[string];
  weights = { ...base, [name]: { shape, data: data.map((value) => value + 1) } };
});
afterAll(() => app?.close());

const send = (body: Uint8Array): Promise<Answer> =>
  app.a.send("POST", url, {
    body: Uint8Array.from(body),
    headers: { "content-type": "application/octet-stream" },
  });
const storedAs = (answer: Answer) => (answer.body["weights"] as { sha256: string }).sha256;

describe("model files as people keep them, as versions", () => {
  it("takes the model of a training checkpoint before its moving average, and tells what it left out", async () => {
    const named = (prefix: string, tensors: NamedTensors) =>
      Object.entries(tensors).map(([name, tensor]) => [prefix + name, tensor] as const);
    const loss = { shape: [1], data: Float32Array.of(1) };
    const checkpoint = Object.fromEntries([
      ...named("ema.module.", base),
      ...named("net._orig_mod.", weights),
      ["loss", loss] as const,
    ]);
    const answer = await send(await buffer(torchFile(contentsOf(checkpoint))));
    expect([answer.status, answer.body["imported"]]).toMatchObject([
      201,
      {
        notes: [
          "The file holds 2 models (net._orig_mod, ema.module): net._orig_mod was read.",
          "Tensors that are not SAM's were left out: loss.",
        ],
      },
    ]);
    expect(storedAs(answer)).toBe(sha256(encodeSafetensors(weights)));
  });

  it("takes a mask decoder alone, with the base model's prompt encoder, and tells so", async () => {
    const prefix = "mask_decoder.";
    const alone = Object.entries(weights).filter(([name]) => name.startsWith(prefix));
    const bare = Object.fromEntries(alone.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
    const answer = await send(encodeSafetensors(bare));
    expect([answer.status, answer.body["imported"]]).toMatchObject([
      201,
      { notes: ["The file holds no prompt encoder: that of the project's base model is used."] },
    ]);
    expect(storedAs(answer)).toBe(sha256(encodeSafetensors(weights)));
  });
});
