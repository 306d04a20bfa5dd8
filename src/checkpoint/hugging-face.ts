/**
 * Hugging Face's names for SAM's tensors (transformers: models/sam/modeling_sam.py). The tensors themselves are Meta's,
 * shape for shape.
 */

/** From Meta's names, in order; each rule looks at what the ones before it left. */
const rules: readonly (readonly [RegExp, string])[] = [
  [/^image_encoder\./, "vision_encoder."],
  [/\.patch_embed\.proj\./, ".patch_embed.projection."],
  [/^vision_encoder\.blocks\./, "vision_encoder.layers."],
  [/\.neck\.0\./, ".neck.conv1."],
  [/\.neck\.1\./, ".neck.layer_norm1."],
  [/\.neck\.2\./, ".neck.conv2."],
  [/\.neck\.3\./, ".neck.layer_norm2."],
  [/\.norm(\d|_final_attn)\./, ".layer_norm$1."],
  [/\.pe_layer\.positional_encoding_gaussian_matrix$/, ".shared_embedding.positional_embedding"],
  [/\.point_embeddings\./, ".point_embed."],
  [/\.mask_downscaling\.0\./, ".mask_embed.conv1."],
  [/\.mask_downscaling\.1\./, ".mask_embed.layer_norm1."],
  [/\.mask_downscaling\.3\./, ".mask_embed.conv2."],
  [/\.mask_downscaling\.4\./, ".mask_embed.layer_norm2."],
  [/\.mask_downscaling\.6\./, ".mask_embed.conv3."],
  [/\.output_upscaling\.0\./, ".upscale_conv1."],
  [/\.output_upscaling\.1\./, ".upscale_layer_norm."],
  [/\.output_upscaling\.3\./, ".upscale_conv2."],
  // Three layers: in, one hidden, out.
  [/(_head|output_hypernetworks_mlps\.\d)\.layers\.0\./, "$1.proj_in."],
  [/(_head|output_hypernetworks_mlps\.\d)\.layers\.1\./, "$1.layers.0."],
  [/(_head|output_hypernetworks_mlps\.\d)\.layers\.2\./, "$1.proj_out."],
];

/** Hugging Face's name for one of Meta's. */
export const huggingFaceName = (name: string): string =>
  rules.reduce((current, [pattern, replacement]) => current.replace(pattern, replacement), name);

/** The positional matrix, which SamModel holds a second time under this name. */
export const sharedEmbeddingName = "shared_image_embedding.positional_embedding";

/** From Hugging Face's names to Meta's, for the tensors of a layout. */
export const fromHuggingFace = (names: Iterable<string>): Map<string, string> =>
  new Map(Array.from(names, (name) => [huggingFaceName(name), name]));
