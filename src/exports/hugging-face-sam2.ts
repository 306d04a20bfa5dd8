import type { HieraArchitecture } from "../checkpoint/hiera-layout.ts";
import { huggingFaceHieraName } from "../checkpoint/hiera-names.ts";
import { sharedEmbeddingName } from "../checkpoint/hugging-face.ts";
import type { NamedTensors } from "../checkpoint/named-tensors.ts";
import { toHuggingFaceSam2 } from "../checkpoint/sam2-decoder.ts";
import { contentsOf, type TensorContent } from "../checkpoint/tensor-content.ts";

/**
 * A SAM 2's tensors as Sam2Model names them, the positional matrix twice, as it holds it. `encoder`: tensors of hieraLayout,
 * or none.
 */
export function huggingFaceSam2Tensors(
  encoder: readonly TensorContent[],
  decoder: NamedTensors,
): TensorContent[] {
  const theirs = toHuggingFaceSam2(decoder);
  const shared = theirs["prompt_encoder.shared_embedding.positional_embedding"];
  return [
    ...encoder.map((tensor) => ({ ...tensor, name: huggingFaceHieraName(tensor.name) })),
    ...contentsOf({ ...theirs, ...(shared && { [sharedEmbeddingName]: shared }) }),
  ];
}

/**
 * Stands in for an image encoder that the file does not hold. Its images have one channel, so that Sam2Model refuses what
 * Sam2Processor makes of any image, and answers `image_embeddings` alone.
 */
const noEncoder = {
  architecture: { stages: [1, 1, 1, 1], width: 8, heads: 1, windows: [8, 4, 14, 7], globalBlocks: [] },
  channels: 1,
} as const;

/**
 * config.json of a Sam2Model (transformers: models/sam2/configuration_sam2.py). `encoder` is null where the file does not
 * hold it. `dynamicMultimask`: whether multimask_output=False answers with the best of masks 1 to 3 where mask 0 is not
 * stable, as Meta's predictor does; a fine-tune has taught mask 0 alone.
 */
export function sam2Config(
  encoder: HieraArchitecture | null,
  { dynamicMultimask }: { dynamicMultimask: boolean },
): object {
  const { stages, width, heads, windows, globalBlocks } = encoder ?? noEncoder.architecture;
  const widths = [1, 2, 4, 8].map((by) => by * width);
  const background = encoder?.background ?? 7;
  const eps = { layer_norm_eps: 1e-6 };
  return {
    model_type: "sam2",
    architectures: ["Sam2Model"],
    vision_config: {
      model_type: "sam2_vision_model",
      backbone_config: {
        model_type: "sam2_hiera_det_model",
        image_size: [1024, 1024],
        num_channels: encoder ? 3 : noEncoder.channels,
        hidden_size: width,
        num_attention_heads: heads,
        blocks_per_stage: stages,
        embed_dim_per_stage: widths,
        num_attention_heads_per_stage: [1, 2, 4, 8].map((by) => by * heads),
        window_size_per_stage: windows,
        global_attention_blocks: globalBlocks,
        window_positional_embedding_background_size: [background, background],
        hidden_act: "gelu",
        ...eps,
      },
      backbone_channel_list: widths.toReversed(),
      backbone_feature_sizes: [256, 128, 64].map((side) => [side, side]),
      fpn_hidden_size: 256,
      fpn_top_down_levels: [2, 3],
      num_feature_levels: 3,
      ...eps,
    },
    prompt_encoder_config: {
      hidden_size: 256,
      image_size: 1024,
      patch_size: 16,
      mask_input_channels: 16,
      num_point_embeddings: 4,
      hidden_act: "gelu",
      ...eps,
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
      hidden_act: "gelu",
      dynamic_multimask_via_stability: dynamicMultimask,
    },
  };
}

/**
 * preprocessor_config.json: both sides to 1024, each by itself (sam2: utils/transforms.py). transformers 4 knows the name
 * with `Fast` alone; transformers 5 and transformers.js leave it off.
 */
export const sam2Preprocessor = {
  image_processor_type: "Sam2ImageProcessorFast",
  processor_class: "Sam2Processor",
  do_convert_rgb: true,
  do_resize: true,
  size: { height: 1024, width: 1024 },
  resample: 2,
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: [0.485, 0.456, 0.406],
  image_std: [0.229, 0.224, 0.225],
  mask_size: { height: 256, width: 256 },
} as const;
