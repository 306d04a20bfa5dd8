/**
 * Hugging Face's names for SAM's tensors (transformers: models/sam/modeling_sam.py), which have the shapes of Meta's.
 * Rules from Meta's to theirs, the first that fits; `$1` and so on are groups.
 */
const rules: readonly (readonly [RegExp, string])[] = [
  [/^image_encoder\.pos_embed$/, "vision_encoder.pos_embed"],
  [/^image_encoder\.patch_embed\.proj\.(.+)$/, "vision_encoder.patch_embed.projection.$1"],
  [/^image_encoder\.blocks\.(\d+)\.norm([12])\.(.+)$/, "vision_encoder.layers.$1.layer_norm$2.$3"],
  [/^image_encoder\.blocks\.(.+)$/, "vision_encoder.layers.$1"],
  [/^image_encoder\.neck\.0\.(.+)$/, "vision_encoder.neck.conv1.$1"],
  [/^image_encoder\.neck\.1\.(.+)$/, "vision_encoder.neck.layer_norm1.$1"],
  [/^image_encoder\.neck\.2\.(.+)$/, "vision_encoder.neck.conv2.$1"],
  [/^image_encoder\.neck\.3\.(.+)$/, "vision_encoder.neck.layer_norm2.$1"],
  [
    /^prompt_encoder\.pe_layer\.positional_encoding_gaussian_matrix$/,
    "prompt_encoder.shared_embedding.positional_embedding",
  ],
  [/^prompt_encoder\.point_embeddings\.(.+)$/, "prompt_encoder.point_embed.$1"],
  [/^prompt_encoder\.mask_downscaling\.0\.(.+)$/, "prompt_encoder.mask_embed.conv1.$1"],
  [/^prompt_encoder\.mask_downscaling\.1\.(.+)$/, "prompt_encoder.mask_embed.layer_norm1.$1"],
  [/^prompt_encoder\.mask_downscaling\.3\.(.+)$/, "prompt_encoder.mask_embed.conv2.$1"],
  [/^prompt_encoder\.mask_downscaling\.4\.(.+)$/, "prompt_encoder.mask_embed.layer_norm2.$1"],
  [/^prompt_encoder\.mask_downscaling\.6\.(.+)$/, "prompt_encoder.mask_embed.conv3.$1"],
  [
    /^mask_decoder\.transformer\.layers\.(\d+)\.norm([1-4])\.(.+)$/,
    "mask_decoder.transformer.layers.$1.layer_norm$2.$3",
  ],
  [/^mask_decoder\.transformer\.norm_final_attn\.(.+)$/, "mask_decoder.transformer.layer_norm_final_attn.$1"],
  [/^mask_decoder\.output_upscaling\.0\.(.+)$/, "mask_decoder.upscale_conv1.$1"],
  [/^mask_decoder\.output_upscaling\.1\.(.+)$/, "mask_decoder.upscale_layer_norm.$1"],
  [/^mask_decoder\.output_upscaling\.3\.(.+)$/, "mask_decoder.upscale_conv2.$1"],
  [
    /^(mask_decoder\.(?:output_hypernetworks_mlps\.\d|iou_prediction_head))\.layers\.0\.(.+)$/,
    "$1.proj_in.$2",
  ],
  [
    /^(mask_decoder\.(?:output_hypernetworks_mlps\.\d|iou_prediction_head))\.layers\.1\.(.+)$/,
    "$1.layers.0.$2",
  ],
  [
    /^(mask_decoder\.(?:output_hypernetworks_mlps\.\d|iou_prediction_head))\.layers\.2\.(.+)$/,
    "$1.proj_out.$2",
  ],
];

/** Hugging Face's name of a tensor, by Meta's. Most of the decoder is called alike. */
export function huggingFaceName(metaName: string): string {
  for (const [pattern, replacement] of rules)
    if (pattern.test(metaName)) return metaName.replace(pattern, replacement);
  return metaName;
}

/** The same matrix as `prompt_encoder.shared_embedding.positional_embedding`; a file has one of them or both. */
export const sharedEmbeddingName = "shared_image_embedding.positional_embedding";
