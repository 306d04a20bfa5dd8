/** From Meta's names, in order; each rule looks at what the ones before it left. */
const rules: readonly (readonly [RegExp, string])[] = [
  [/^image_encoder\.trunk\.body\./, "vision_encoder.backbone.timm_model."],
  [/^image_encoder\.trunk\./, "vision_encoder.backbone."],
  [/^image_encoder\.neck\.convs\.(\d)\.conv\./, "vision_encoder.neck.convs.$1."],
  [/\.patch_embed\.proj\./, ".patch_embed.projection."],
  [/\.norm(\d)\./, ".layer_norm$1."],
  [/\.mlp\.layers\.0\./, ".mlp.proj_in."],
  [/\.mlp\.layers\.1\./, ".mlp.proj_out."],
  [/^sam_mask_decoder\./, "mask_decoder."],
  [/^no_mem_embed$/, "no_memory_embedding"],
];

/**
 * Hugging Face's name in Sam2Model of a tensor of hieraLayout, or in EdgeTamModel of one of repVitLayout (transformers:
 * models/sam2/modeling_sam2.py, models/edgetam/modeling_edgetam.py).
 */
export const huggingFaceHieraName = (name: string): string =>
  rules.reduce((current, [pattern, replacement]) => current.replace(pattern, replacement), name);
