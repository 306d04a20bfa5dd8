import { expect, test } from "vitest";
import { huggingFaceSam2Name, metaSam2Name, sam2DecoderLayout } from "../../src/checkpoint/sam2-decoder.ts";
import { embeddingLength, embeddingParts } from "../../src/domain/model-family.ts";

const names = Object.keys(sam2DecoderLayout);

test("SAM 2's decoder is SAM's and seven tensors of the object score", () => {
  expect(names).toHaveLength(144);
  expect(names.filter((name) => name.includes("obj_score"))).toHaveLength(7);
});

test.each([
  [
    "mask_decoder.transformer.layers.1.mlp.lin1.weight",
    "sam_mask_decoder.transformer.layers.1.mlp.layers.0.weight",
    "mask_decoder.transformer.layers.1.mlp.proj_in.weight",
  ],
  [
    "mask_decoder.transformer.final_attn_token_to_image.out_proj.bias",
    "sam_mask_decoder.transformer.final_attn_token_to_image.out_proj.bias",
    "mask_decoder.transformer.final_attn_token_to_image.o_proj.bias",
  ],
  [
    "mask_decoder.pred_obj_score_head.layers.1.bias",
    "sam_mask_decoder.pred_obj_score_head.layers.1.bias",
    "mask_decoder.pred_obj_score_head.layers.0.bias",
  ],
  [
    "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
    "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
    "prompt_encoder.shared_embedding.positional_embedding",
  ],
  [
    "mask_decoder.output_upscaling.1.weight",
    "sam_mask_decoder.output_upscaling.1.weight",
    "mask_decoder.upscale_layer_norm.weight",
  ],
])("%s is %s of Meta's and %s of Hugging Face's", (name, meta, huggingFace) => {
  expect(names).toContain(name);
  expect(metaSam2Name(name)).toBe(meta);
  expect(huggingFaceSam2Name(name)).toEqual({ name: huggingFace, row: null });
});

test("the four point embeddings are rows of one tensor of Hugging Face's", () => {
  const rows = [0, 1, 2, 3].map((i) => huggingFaceSam2Name(`prompt_encoder.point_embeddings.${i}.weight`));
  expect(rows).toEqual([0, 1, 2, 3].map((row) => ({ name: "prompt_encoder.point_embed.weight", row })));
  expect(new Set(names.map(metaSam2Name)).size).toBe(144);
});

test("the parts of an embedding lie one behind the other", () => {
  for (const parts of Object.values(embeddingParts)) {
    let at = 0;
    for (const { offset, length, shape } of parts) {
      expect([offset, length]).toEqual([at, shape[0] * shape[1] * shape[2]]);
      at += length;
    }
  }
  expect([embeddingLength("sam"), embeddingLength("sam2")]).toEqual([1_048_576, 4_194_304]);
});
