import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { stageScales, type TinyVitArchitecture } from "../../checkpoint/tiny-vit-layout.ts";
import { neck } from "../image-encoder.ts";
import { gelu, layerNorm, linear } from "../layers.ts";
import type { Weights } from "../types.ts";
import { fromWindows, toWindows } from "../windows.ts";
import { channelsFirst, channelsLast, convNorm, threeConvs } from "./conv-norm.ts";
import { windowAttention } from "./window-attention.ts";

const encoder = "image_encoder";

/**
 * MobileSAM's image encoder, a TinyViT (MobileSAM: modeling/tiny_vit_sam.py, class TinyViT). pixels [1, 3, S, S] float32,
 * S = 16 * grid, normalised and padded as SAM does (imaging/preprocess.ts), to the image embedding
 * [1, 256, grid, grid], channels first as Meta's. One image at a time.
 */
export function encodeImage(pixels: Tensor, weights: Weights, architecture: TinyVitArchitecture): Tensor {
  return tf.tidy(() => {
    const { depths, grid } = architecture;
    const half = gelu(convNorm(pixels, weights, `${encoder}.patch_embed.seq.0`, { stride: 2 }));
    let plane = convNorm(half, weights, `${encoder}.patch_embed.seq.2`, { stride: 2 });
    for (let i = 0; i < depths[0]; i++) {
      const name = `${encoder}.layers.0.blocks.${i}`;
      plane = gelu(tf.add(plane, threeConvs(plane, weights, name)));
    }
    for (const stage of [1, 2, 3] as const) {
      const stride = (stageScales[stage - 1] as number) / stageScales[stage];
      plane = threeConvs(plane, weights, `${encoder}.layers.${stage - 1}.downsample`, stride);
      for (let i = 0; i < depths[stage]; i++) plane = block(plane, weights, architecture, stage, i);
    }
    return neck(channelsLast(plane), weights, grid);
  });
}

/** Attention, a 3 x 3 convolution of each channel, and an MLP; plane [1, C, side, side], channels first. */
function block(
  plane: Tensor,
  weights: Weights,
  { heads, windows, grid }: TinyVitArchitecture,
  stage: 1 | 2 | 3,
  index: number,
): Tensor {
  const name = `${encoder}.layers.${stage}.blocks.${index}`;
  const x = channelsLast(plane);
  // Windows are padded before their norm, so the padding takes part as what the norm makes of zeros
  const attended = windowAttention(toWindows(x, windows[stage]), weights, `${name}.attn`, heads[stage]);
  const y = tf.add(x, fromWindows(attended, grid * stageScales[stage]));
  const moved = channelsLast(convNorm(channelsFirst(y), weights, `${name}.local_conv`, { depthwise: true }));
  const hidden = gelu(linear(layerNorm(moved, weights, `${name}.mlp.norm`), weights, `${name}.mlp.fc1`));
  return channelsFirst(tf.add(moved, linear(hidden, weights, `${name}.mlp.fc2`)));
}
