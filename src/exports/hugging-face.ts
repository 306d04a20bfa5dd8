import { huggingFaceName, sharedEmbeddingName } from "../checkpoint/hugging-face.ts";
import type { EncoderArchitecture } from "../checkpoint/encoder-layout.ts";
import type { TensorContent } from "../checkpoint/tensor-content.ts";

/** Tensors by Meta's names as SamModel names them, the positional matrix twice, as it holds it. */
export function huggingFaceTensors(tensors: readonly TensorContent[]): TensorContent[] {
  const renamed = tensors.map((tensor) => ({ ...tensor, name: huggingFaceName(tensor.name) }));
  const shared = renamed.find(({ name }) => name === "prompt_encoder.shared_embedding.positional_embedding");
  return shared ? [...renamed, { ...shared, name: sharedEmbeddingName }] : renamed;
}

/**
 * A stand-in for an image encoder that the file does not hold, as small as transformers' code lets it be. It takes images
 * of 16 x 16 only, so that SamModel refuses what SamProcessor makes of any image, and answers `image_embeddings` alone.
 */
const noEncoder = {
  image_size: 16,
  hidden_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 1,
  mlp_dim: 8,
  num_pos_feats: 128,
  global_attn_indexes: [],
};

const visionConfig = ({ width, depth, heads, globalBlocks }: EncoderArchitecture): object => ({
  image_size: 1024,
  hidden_size: width,
  num_hidden_layers: depth,
  num_attention_heads: heads,
  mlp_dim: 4 * width,
  num_pos_feats: 128,
  global_attn_indexes: globalBlocks,
});

/**
 * config.json of a SamModel. `encoder` is null where the file does not hold it, as transformers has none like MobileSAM's
 * TinyViT or nobody asked for it: loading then reports the vision encoder's tensors as missing, `pixel_values` are
 * refused, and images come as `image_embeddings`.
 */
export const samConfig = (encoder: EncoderArchitecture | null): object => ({
  model_type: "sam",
  architectures: ["SamModel"],
  vision_config: {
    model_type: "sam_vision_model",
    ...(encoder ? visionConfig(encoder) : noEncoder),
    patch_size: 16,
    num_channels: 3,
    output_channels: 256,
    window_size: 14,
    use_abs_pos: true,
    use_rel_pos: true,
    qkv_bias: true,
    hidden_act: "gelu",
    layer_norm_eps: 1e-6,
  },
  prompt_encoder_config: {
    hidden_size: 256,
    image_size: 1024,
    patch_size: 16,
    image_embedding_size: 64,
    mask_input_channels: 16,
    num_point_embeddings: 4,
    hidden_act: "gelu",
    layer_norm_eps: 1e-6,
  },
  mask_decoder_config: {
    hidden_size: 256,
    mlp_dim: 2048,
    num_hidden_layers: 2,
    num_attention_heads: 8,
    attention_downsample_rate: 2,
    num_multimask_outputs: 3,
    iou_head_depth: 3,
    iou_head_hidden_dim: 256,
    hidden_act: "relu",
    // Meta's transformer has PyTorch's default here; SamConfig's own 1e-6 is not what SAM was trained with.
    layer_norm_eps: 1e-5,
  },
});

/** preprocessor_config.json: Meta's preprocessing (segment-anything: utils/transforms.py, modeling/sam.py). */
export const samPreprocessor = {
  image_processor_type: "SamImageProcessor",
  processor_class: "SamProcessor",
  do_convert_rgb: true,
  do_resize: true,
  size: { longest_edge: 1024 },
  resample: 2,
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: [0.485, 0.456, 0.406],
  image_std: [0.229, 0.224, 0.225],
  do_pad: true,
  pad_size: { height: 1024, width: 1024 },
  mask_size: { longest_edge: 256 },
  mask_pad_size: { height: 256, width: 256 },
} as const;
