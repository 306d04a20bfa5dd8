import { describe, expect, test } from "vitest";
import { notesOf } from "../../src/base-models/decoder-file.ts";
import { identify } from "../../src/base-models/identify.ts";
import { encoderArchitectures, encoderLayout } from "../../src/checkpoint/encoder-layout.ts";
import { huggingFaceName } from "../../src/checkpoint/hugging-face.ts";
import { hieraArchitectures, hieraLayout } from "../../src/checkpoint/hiera-layout.ts";
import { huggingFaceHieraName } from "../../src/checkpoint/hiera-names.ts";
import { decoderLayout } from "../../src/checkpoint/layout.ts";
import { repVitArchitectures, repVitLayout } from "../../src/checkpoint/rep-vit-layout.ts";
import { huggingFaceSam2Name, metaSam2Name, sam2DecoderLayout } from "../../src/checkpoint/sam2-decoder.ts";

type Shapes = Record<string, readonly number[]>;
const named = (rename: (name: string) => string): Shapes =>
  Object.fromEntries(Object.entries(decoderLayout).map(([name, shape]) => [rename(name), shape]));
const identified = (shapes: Shapes) => {
  const found = identify(new Map(Object.entries(shapes)));
  return { ...found, nameOf: (name: string) => found.placeOf(name).name };
};
const token = "mask_decoder.iou_token.weight";

describe("a SAM among a file's tensors", () => {
  test.each([
    "",
    "module.",
    "_orig_mod.",
    "net.",
    "sam.",
    "module._orig_mod.",
    "model_state.sam.",
    "ema.module.",
    "0.state_dict.model.",
  ])("is found behind %j, in Meta's names and Hugging Face's", (prefix) => {
    const meta = identified(named((name) => prefix + name));
    expect([meta.naming, meta.nameOf(token), meta.notes]).toEqual(["meta", prefix + token, []]);
    const theirs = identified(named((name) => prefix + huggingFaceName(name)));
    expect([theirs.naming, theirs.nameOf(token), theirs.notes]).toEqual([
      "hugging_face",
      prefix + huggingFaceName(token),
      [],
    ]);
  });

  test.each([
    ["meta", "", (name: string) => name],
    ["meta", "model_state_dict.", (name: string) => name.slice("mask_decoder.".length)],
    ["hugging_face", "", (name: string) => huggingFaceName(name).slice("mask_decoder.".length)],
  ])("may be its mask decoder alone: %s %j", (naming, prefix, rename) => {
    const names = Object.keys(decoderLayout).filter((name) => name.startsWith("mask_decoder."));
    const shapes = Object.fromEntries(
      names.map((name) => [prefix + rename(name), decoderLayout[name] as readonly number[]]),
    );
    const found = identified(shapes);
    expect([found.naming, found.holdsPrompt, found.nameOf(token)]).toEqual([
      naming,
      false,
      prefix + rename(token),
    ]);
    expect(() => identified({ ...shapes, [`${prefix}${rename("mask_decoder.")}extra.weight`]: [1] })).toThrow(
      /extra\.weight is unknown/,
    );
  });

  test("is found beside other tensors, which are named", () => {
    const { notes, nameOf } = identified({
      loss: [],
      "state_dict.criterion.weight": [3],
      ...named((name) => `state_dict.${name}`),
    });
    expect(nameOf(token)).toBe(`state_dict.${token}`);
    expect(notes).toEqual(["Tensors that are not SAM's were left out: loss, state_dict.criterion.weight."]);
  });

  test("counts them where there are many", () => {
    const stray = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`head.${i}`, [1]]));
    expect(identified({ ...named((name) => name), ...stray }).notes).toEqual([
      "Tensors that are not SAM's were left out: head.0, head.1, head.2, head.3, head.4, head.5, head.6, head.7 and 12 more.",
    ]);
  });

  test.each([
    ["model.", "ema.module."],
    ["model.", "teacher."],
    ["net.", "optimizer.momentum."],
  ])("is that of %j and not its copy in %j, whichever comes first", (own, copy) => {
    const both = [named((name) => copy + name), named((name) => own + name)];
    for (const [first, second] of [both, both.toReversed()]) {
      const { nameOf, notes } = identified({ ...first, ...second });
      expect(nameOf(token)).toBe(own + token);
      expect(notes).toEqual([expect.stringContaining(`: ${own.slice(0, -1)} was read.`)]);
    }
  });

  test("is the whole one of two", () => {
    const part = named((name) => `model.${name}`);
    delete part[`model.${token}`];
    expect(identified({ ...part, ...named((name) => `ema.${name}`) }).nameOf(token)).toBe(`ema.${token}`);
  });

  test.each([
    ["lacks a tensor", { [token]: undefined }, "names_missing", `net.${token} is missing`],
    ["has another shape", { [token]: [2, 256] }, "wrong_architecture", `net.${token} has shape [2,256]`],
    [
      "has a part more",
      { "mask_decoder.extra": [1] },
      "wrong_architecture",
      "net.mask_decoder.extra is unknown",
    ],
  ])("is refused when it %s", (_what, changes, reason, message) => {
    const shapes = named((name) => `net.${name}`);
    for (const [name, shape] of Object.entries(changes)) {
      if (shape) shapes[`net.${name}`] = shape;
      else delete shapes[`net.${name}`];
    }
    expect(() => identified(shapes)).toThrow(
      expect.objectContaining({ reason, message: expect.stringContaining(message) as string }),
    );
  });

  test("is not taken for one by a transformer of the same names", () => {
    const shapes = { "transformer.layers.0.self_attn.q_proj.weight": [256, 256] };
    expect(() => identified(shapes)).toThrow(/the weights are no SAM's: .* among 1 tensors/);
  });
});

describe("a SAM 2 among a file's tensors", () => {
  const hugging = (name: string): string =>
    name in sam2DecoderLayout ? huggingFaceSam2Name(name).name : huggingFaceHieraName(name);
  const meta = (name: string): string => (name in sam2DecoderLayout ? metaSam2Name(name) : name);
  /** Every point embedding of Hugging Face's is a row of one tensor. */
  const renamed = (layout: Shapes, rename: (name: string) => string): Shapes =>
    Object.fromEntries(
      Object.entries(layout).map(([name, shape]) => {
        const theirs = rename(name);
        return [theirs, theirs.endsWith(".point_embed.weight") ? [4, 256] : shape];
      }),
    );
  const score = "mask_decoder.obj_score_token.weight";

  test("may be an EdgeTAM, by Meta's and by EdgeTamModel's names, with what counted its norms' batches", () => {
    const stem = "stem.conv1.bn.num_batches_tracked";
    const layout = { ...repVitLayout(repVitArchitectures.repvit_m1), ...sam2DecoderLayout };
    for (const [rename, trunk] of [
      [meta, "image_encoder.trunk.body"],
      [hugging, "vision_encoder.backbone.timm_model"],
    ] as const) {
      const shapes = {
        ...renamed(layout, rename),
        [`${trunk}.${stem}`]: [],
        "spatial_perceiver.latents": [1],
      };
      const { type, nameOf, notes } = identified(shapes);
      expect(type).toBe("repvit_m1");
      expect(nameOf("image_encoder.trunk.body.stages_3.blocks.1.token_mixer.conv.bn.bias")).toBe(
        `${trunk}.stages_3.blocks.1.token_mixer.conv.bn.bias`,
      );
      expect(notes).toEqual([
        "What SAM 2 follows objects through videos with was left out: spatial_perceiver.",
      ]);
    }
  });

  test.each([
    ...Object.entries(hieraArchitectures).map(([type, one]) => [type, hieraLayout(one)] as const),
    ["repvit_m1", repVitLayout(repVitArchitectures.repvit_m1)] as const,
  ])("is told by its shapes: %s", (type, encoder) => {
    const layout = { ...encoder, ...sam2DecoderLayout };
    const ours = identified(renamed(layout, (name) => `model.${meta(name)}`));
    expect(ours).toMatchObject({ family: "sam2", type, naming: "meta", holdsPrompt: true, notes: [] });
    const theirs = identified(renamed(layout, hugging));
    expect(theirs).toMatchObject({
      family: "sam2",
      type,
      naming: "hugging_face",
      holdsPrompt: true,
      notes: [],
    });
    expect(theirs.placeOf("prompt_encoder.point_embeddings.3.weight")).toEqual({
      name: "prompt_encoder.point_embed.weight",
      row: 3,
    });
  });

  test.each([
    ["meta", false, meta],
    ["hugging_face", false, hugging],
    ["own", false, (name: string) => name],
    ["meta", true, (name: string) => meta(name).slice("sam_mask_decoder.".length)],
    ["own", true, (name: string) => name.slice("mask_decoder.".length)],
  ])("may be a decoder: %s, bare %s", (naming, bare, rename) => {
    const kept = Object.entries(sam2DecoderLayout).filter(
      ([name]) => !bare || name.startsWith("mask_decoder."),
    );
    const found = identified(renamed(Object.fromEntries(kept), (name) => `net.${rename(name)}`));
    expect(found).toMatchObject({ family: "sam2", type: null, naming, holdsPrompt: !bare, notes: [] });
    expect(found.nameOf(score)).toBe(`net.${rename(score)}`);
  });

  test.each([
    ["SAM 3", "vision_encoder.backbone.layers.0.attention.q_proj.weight"],
    ["SAM 3", "tracker_model.memory_encoder.projection.bias"],
  ])("is refused when it is %s's: %s", (name, mark) => {
    const shapes = { ...renamed(sam2DecoderLayout, hugging), [mark]: [1] };
    expect(() => identified(shapes)).toThrow(`the weights are those of ${name}, whose image encoder is`);
  });
});

describe("what a version takes otherwise than its file has it", () => {
  test("is told: an image encoder that does not come along, a prompt encoder that is the base's", () => {
    const encoder = encoderLayout(encoderArchitectures.vit_b);
    const whole = identified({ ...named((name) => name), ...encoder });
    expect(whole.type).toBe("vit_b");
    expect(notesOf(whole)).toEqual([expect.stringContaining("image encoder is left out")]);
    expect(notesOf(identified(named((name) => name)))).toEqual([]);
    expect(notesOf({ ...whole, holdsPrompt: false })[0]).toContain("holds no prompt encoder");
  });
});

describe("what is not whole says what it seems to be", () => {
  const vitB = { ...encoderLayout(encoderArchitectures.vit_b), ...decoderLayout };
  const refusal = (shapes: Shapes): string => {
    try {
      identified(shapes);
      return "identified";
    } catch (error) {
      return (error as Error).message;
    }
  };

  test.each([256, 512])("a model of images of %i pixels", (side) => {
    const grid = side / 16;
    const message = refusal({ ...vitB, "image_encoder.pos_embed": [1, grid, grid, 768] });
    expect(message).toContain(`its image encoder takes images of ${side} x ${side} pixels`);
  });

  test.each([
    "image_encoder.blocks.0.Adapter.channel.0.weight",
    "image_encoder.blocks.3.MLP_Adapter.D_fc1.weight",
    "image_encoder.blocks.3.Space_Adapter.D_fc1.weight",
    "image_encoder.prompt_adapter.weight",
  ])("one with adapters: %s", (name) => {
    expect(refusal({ ...vitB, [name]: [8, 768] })).toContain(`it has adapters (${name})`);
  });

  test("one whose LoRA weights lie beside its layers", () => {
    const layer = "mask_decoder.transformer.layers.0.self_attn.q_proj";
    const { [`${layer}.weight`]: weight = [], ...rest } = decoderLayout;
    const shapes = {
      ...rest,
      [`${layer}.base_layer.weight`]: weight,
      [`${layer}.lora_A.default.weight`]: [4, 256],
    };
    expect(refusal(shapes)).toContain("model.merge_and_unload()");
  });

  test("a decoder of classes", () => {
    expect(refusal({ ...decoderLayout, "mask_decoder.mask_tokens.weight": [9, 256] })).toContain(
      "its decoder gives 8 masks at once",
    );
  });

  test.each([
    ["image_encoder.blocks.0.norm1.weight", "an image encoder alone"],
    ["patch_embed.seq.0.c.weight", "an image encoder alone"],
    ["prompt_encoder.no_mask_embed.weight", "a prompt encoder alone"],
    ["model.22.dfl.conv.weight", "a YOLO"],
  ])("a file without a mask decoder: %s", (name, told) => {
    expect(refusal({ [name]: [1] })).toContain(`it seems to be ${told}`);
  });

  test.each([
    ["backbone.vision_backbone.trunk.blocks.0.norm1.weight", "SAM 3"],
    ["model.mask_decoder.final_output_upscaling_layers.0.weight", "EfficientSAM"],
  ])("another model of SAM's kind: %s", (name, told) => {
    expect(refusal({ [name]: [1] })).toContain(`the weights are those of ${told}`);
  });
});

test("SAMed's matrices beside a decoder are told for what they are", () => {
  const { notes } = identified({ ...decoderLayout, w_a_000: [4, 768], w_b_000: [768, 4] });
  expect(notes).toEqual([expect.stringMatching(/^LoRA weights of an image encoder were left out \(2 of/)]);
});
