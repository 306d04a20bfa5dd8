import type { Layout } from "./layout.ts";

/** What tells one TinyViT from another: four stages, the first of convolutions, the others of attention in windows. */
export interface TinyVitArchitecture {
  /** Channels of each stage. */
  readonly widths: Four;
  /** Blocks of each stage. */
  readonly depths: Four;
  /** Heads of each stage; the first has no attention. */
  readonly heads: Four;
  /** Side of each stage's windows, in its own tokens. */
  readonly windows: Four;
  /** Side of the image embedding, in tokens of 16 pixels. */
  readonly grid: number;
}

type Four = readonly [number, number, number, number];

/** Source: MobileSAM build_sam.py, build_sam_vit_t. */
export const tinyVitArchitectures = {
  tiny_vit: {
    widths: [64, 128, 160, 320],
    depths: [2, 2, 6, 2],
    heads: [2, 4, 5, 10],
    windows: [7, 7, 14, 7],
    grid: 64,
  },
} as const satisfies Record<string, TinyVitArchitecture>;

/** Channels of the embedding, and how much wider the middle of a block is. */
const [channels, ratio] = [256, 4];

/** Sides of the tokens of each stage as it begins, in parts of the embedding's: MobileSAM's last two are alike. */
export const stageScales: Four = [4, 2, 1, 1];

/**
 * Names and shapes of MobileSAM's image encoder, as its PyTorch module holds them (MobileSAM: modeling/tiny_vit_sam.py):
 * each convolution with a BatchNorm after it. What it is not run with (notRun) is left out. 271 tensors.
 */
export function tinyVitLayout({ widths, depths, heads, windows }: TinyVitArchitecture): Layout {
  const e = "image_encoder";
  const pair = (name: string, weight: readonly number[]): Layout => ({
    [`${name}.weight`]: weight,
    [`${name}.bias`]: [weight[0] as number],
  });
  const conv = (name: string, weight: readonly [number, ...number[]]): Layout => ({
    [`${name}.c.weight`]: weight,
    ...pair(`${name}.bn`, [weight[0]]),
    [`${name}.bn.running_mean`]: [weight[0]],
    [`${name}.bn.running_var`]: [weight[0]],
  });
  const three = (name: string, from: number, middle: number, to: number): Layout => ({
    ...conv(`${name}.conv1`, [middle, from, 1, 1]),
    ...conv(`${name}.conv2`, [middle, 1, 3, 3]),
    ...conv(`${name}.conv3`, [to, middle, 1, 1]),
  });
  const attention = (name: string, width: number, stage: number): Layout => ({
    [`${name}.attn.attention_biases`]: [heads[stage] as number, (windows[stage] as number) ** 2],
    ...pair(`${name}.attn.norm`, [width]),
    ...pair(`${name}.attn.qkv`, [3 * width, width]),
    ...pair(`${name}.attn.proj`, [width, width]),
    ...pair(`${name}.mlp.norm`, [width]),
    ...pair(`${name}.mlp.fc1`, [ratio * width, width]),
    ...pair(`${name}.mlp.fc2`, [width, ratio * width]),
    ...conv(`${name}.local_conv`, [width, 1, 3, 3]),
  });
  const stage = (width: number, index: number): Layout => {
    const layer = `${e}.layers.${index}`;
    const blocks = Array.from({ length: depths[index] as number }, (_, i) => {
      const name = `${layer}.blocks.${i}`;
      return index === 0 ? three(name, width, ratio * width, width) : attention(name, width, index);
    });
    const next = widths[index + 1];
    return {
      ...Object.assign({}, ...blocks),
      ...(next === undefined ? {} : three(`${layer}.downsample`, width, next, next)),
    };
  };
  const [first, , , last] = widths;
  return {
    ...conv(`${e}.patch_embed.seq.0`, [first / 2, 3, 3, 3]),
    ...conv(`${e}.patch_embed.seq.2`, [first, first / 2, 3, 3]),
    ...Object.assign({}, ...widths.map(stage)),
    [`${e}.neck.0.weight`]: [channels, last, 1, 1],
    ...pair(`${e}.neck.1`, [channels]),
    [`${e}.neck.2.weight`]: [channels, channels, 3, 3],
    ...pair(`${e}.neck.3`, [channels]),
  };
}

/**
 * Tensors of a MobileSAM, or an EdgeTAM, that no image passes: the head of the classifier that TinyViT was, how many batches its norms
 * saw, and what the biases of its attention are looked up by.
 */
export const notRun =
  /^(image_encoder\.(norm_head\.|head\.|.+\.(attention_bias_idxs|ab)$)|(image|vision)_encoder\..+\.num_batches_tracked$)/;
