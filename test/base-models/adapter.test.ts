import { copyFile, cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ZipFile } from "yazl";
import { readDecoderFile } from "../../src/base-models/decoder-file.ts";
import { findSource } from "../../src/base-models/open.ts";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { huggingFaceName } from "../../src/checkpoint/hugging-face.ts";
import type { NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import { RefusedFile } from "../../src/checkpoint/refused.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/checkpoint/safetensors.ts";

/** What peft 0.21.0 saved of SamModel with the built-in decoder, and its own sums: peers/reference/peft_adapter.py. */
const fixture = join(import.meta.dirname, "fixtures/adapter");

let folder: string;
let work: string;
let base: NamedTensors;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "maskwright-adapter-"));
  base = await baseModel("mobile_sam").decoderWeights();
  await writeFile(join(folder, "base.safetensors"), encodeSafetensors(base));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
let count = 0;
beforeEach(async () => {
  work = join(folder, String(count++));
  await cp(fixture, work, { recursive: true });
});

/** Reads the adapter that `work` holds, as a folder that was packed. */
async function read(files = ["adapter_model.safetensors", "adapter_config.json"]) {
  const zip = new ZipFile();
  for (const name of files) zip.addBuffer(await readFile(join(work, name)), `tuned/${name}`);
  zip.end();
  const path = join(work, "adapter.zip");
  await writeFile(path, await buffer(zip.outputStream));
  const basePath = join(folder, "base.safetensors");
  return readDecoderFile({ path, basePath, unpackTo: join(work, "unpacked") });
}

const refusal = async (files?: string[]): Promise<string> =>
  read(files).then(
    () => "read",
    (error: unknown) => {
      if (!(error instanceof RefusedFile)) throw error;
      return `${error.reason}: ${error.message}`;
    },
  );

async function configured(change: object): Promise<void> {
  const path = join(work, "adapter_config.json");
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), ...change }));
}

async function weighed(change: (tensors: Record<string, NamedTensors[string]>) => void): Promise<void> {
  const path = join(work, "adapter_model.safetensors");
  const tensors = { ...decodeSafetensors(await readFile(path)).tensors };
  change(tensors);
  await writeFile(path, encodeSafetensors(tensors));
}

describe("an adapter of peft", () => {
  it("is added to the base's decoder as peft adds it, with what was saved whole in place of the base's", async () => {
    const { tensors, notes, format } = await read();
    const sums = JSON.parse(await readFile(join(fixture, "merged.json"), "utf8")) as Record<string, number[]>;
    const ours = new Map(Object.keys(base).map((name) => [huggingFaceName(name), name]));
    expect(Object.keys(sums)).toHaveLength(15);
    for (const [name, values] of Object.entries(sums)) {
      const own = tensors[ours.get(name) ?? ""];
      for (const [i, value] of values.entries()) expect(own?.data[i]).toBeCloseTo(value, 5);
    }
    const changed = Object.keys(base).filter((name) =>
      tensors[name]?.data.some((value, i) => value !== base[name]?.data[i]),
    );
    expect(changed.toSorted()).toEqual(
      Object.keys(sums)
        .map((name) => ours.get(name) ?? "")
        .toSorted(),
    );
    expect(format).toBe("safetensors");
    expect(notes).toEqual([
      "An adapter of peft was added to the decoder of the project's base model: LoRA on 14 layers, 1 tensors in place of the base's.",
    ]);
  });

  it("scales by the root of its rank where it was tuned so, and tells what it was tuned on", async () => {
    const plain = await read();
    await configured({ use_rslora: true, base_model_name_or_path: "facebook/sam-vit-base" });
    const { tensors, notes } = await read();
    const name = "mask_decoder.transformer.layers.0.self_attn.q_proj.weight";
    const step = (of: NamedTensors): number =>
      (of[name]?.data[0] as number) - (base[name]?.data[0] as number);
    expect(step(tensors) / step(plain.tensors)).toBeCloseTo(Math.SQRT2, 2);
    expect(notes[0]).toContain("tuned on facebook/sam-vit-base");
  });

  it.each<[string, object, string]>([
    ["another kind", { peft_type: "LOHA" }, "the adapter is of LOHA; plain LoRA is added here"],
    ["a variant of LoRA", { use_dora: true }, "the adapter is of use_dora"],
    ["matrices that lie on their sides", { fan_in_fan_out: true }, "the adapter is of fan_in_fan_out"],
    ["expressions for its scales", { alpha_pattern: { ".*v_proj$": 2 } }, "has an expression (.*v_proj$)"],
    ["no configuration of peft's", { peft_type: 3 }, "is no configuration of peft's"],
  ])("with %s is refused, with what to do", async (_what, change, told) => {
    await configured(change);
    expect(await refusal()).toMatch(/^unreadable: /);
    expect(await refusal()).toContain(told);
  });

  it("of the image encoder, of another model, or of other shapes is refused", async () => {
    const module = "base_model.model.vision_encoder.layers.0.attn.qkv";
    await weighed((tensors) => {
      tensors[`${module}.lora_A.weight`] = { shape: [2, 32], data: new Float32Array(64) };
      tensors[`${module}.lora_B.weight`] = { shape: [96, 2], data: new Float32Array(192) };
    });
    expect(await refusal()).toMatch(
      /^wrong_architecture: .* 1 layers of the image encoder.*merge_and_unload/,
    );
    await copyFile(join(fixture, "adapter_model.safetensors"), join(work, "adapter_model.safetensors"));
    await weighed((tensors) => {
      tensors["base_model.model.decoder.q.lora_A.weight"] = { shape: [1, 1], data: new Float32Array(1) };
    });
    expect(await refusal()).toMatch(/^wrong_architecture: .*decoder\.q\.lora_A.*fits no layer/);
    await copyFile(join(fixture, "adapter_model.safetensors"), join(work, "adapter_model.safetensors"));
    await weighed((tensors) => {
      const name = "base_model.model.mask_decoder.transformer.layers.0.self_attn.q_proj.lora_B.weight";
      tensors[name] = { shape: [128, 2], data: new Float32Array(256) };
    });
    expect(await refusal()).toMatch(/^wrong_architecture: .*lora_B\.weight is \[128,2\] where \[256,2\]/);
  });

  it("is found in a folder too, and not without its configuration", async () => {
    expect(await findSource([work])).toMatchObject({ adapter: join(work, "adapter_config.json") });
    expect(await refusal(["adapter_model.safetensors"])).toMatch(/without its adapter_config\.json/);
  });
});
