import { neckLayout } from "./hiera-layout.ts";
import type { Layout } from "./layout.ts";

/** What tells one RepViT from another: four stages of convolutions, each at half the last one's side. */
export interface RepVitArchitecture {
  /** Channels of each stage. */
  readonly channels: Four;
  /** Blocks of each stage; every later stage has one more, which halves the side. */
  readonly blocks: Four;
  /** Side of the image embedding, in tokens of 16 pixels: the third stage's. */
  readonly grid: number;
}

type Four = readonly [number, number, number, number];

/** Source: EdgeTAM sam2/configs/edgetam.yaml (timm's repvit_m1.dist_in1k); timm models/repvit.py, repvit_m1. */
export const repVitArchitectures = {
  repvit_m1: { channels: [48, 96, 192, 384], blocks: [2, 2, 14, 2], grid: 64 },
} as const satisfies Record<string, RepVitArchitecture>;

/** How much wider the middle of an MLP is, and how much narrower that of squeeze and excitation, in steps. */
const [ratio, squeeze, step] = [2, 4, 8];

export const repVitTrunk = "image_encoder.trunk.body";

/** Whether a block of a stage, by its index, has squeeze and excitation: every other one. */
export const hasSqueeze = (index: number): boolean => index % 2 === 0;

/**
 * Names and shapes of EdgeTAM's image encoder, as its PyTorch modules hold them (timm: models/repvit.py, each convolution
 * with a BatchNorm after it; EdgeTAM: sam2/modeling/backbones/timm.py), with SAM 2's neck and what SAM 2's decoder would do
 * to every image alike (hiera-layout.ts). 583 tensors.
 */
export function repVitLayout({ channels, blocks }: RepVitArchitecture): Layout {
  const [first] = channels;
  const stage = (width: number, index: number): Layout => {
    const name = `${repVitTrunk}.stages_${index}`;
    const before = channels[index - 1];
    return {
      ...(before === undefined ? {} : downsample(`${name}.downsample`, before, width)),
      ...joined(
        Array.from({ length: blocks[index] as number }, (_, i) =>
          block(`${name}.blocks.${i}`, width, hasSqueeze(i)),
        ),
      ),
    };
  };
  return {
    ...conv(`${repVitTrunk}.stem.conv1`, [first / 2, 3, 3, 3]),
    ...conv(`${repVitTrunk}.stem.conv2`, [first, first / 2, 3, 3]),
    ...joined(channels.map(stage)),
    ...neckLayout(channels),
  };
}

const joined = (layouts: readonly Layout[]): Layout => Object.assign({}, ...layouts) as Layout;

const conv = (name: string, weight: readonly [number, ...number[]]): Layout => ({
  [`${name}.c.weight`]: weight,
  [`${name}.bn.weight`]: [weight[0]],
  [`${name}.bn.bias`]: [weight[0]],
  [`${name}.bn.running_mean`]: [weight[0]],
  [`${name}.bn.running_var`]: [weight[0]],
});

const mlp = (name: string, width: number): Layout => ({
  ...conv(`${name}.conv1`, [ratio * width, width, 1, 1]),
  ...conv(`${name}.conv2`, [width, ratio * width, 1, 1]),
});

function block(name: string, width: number, squeezes: boolean): Layout {
  // Rounded to whole steps (timm: layers/helpers.py, make_divisible)
  const narrow = Math.max(step, Math.floor((width / squeeze + step / 2) / step) * step);
  return {
    ...conv(`${name}.token_mixer.conv`, [width, 1, 3, 3]),
    ...conv(`${name}.token_mixer.conv1`, [width, 1, 1, 1]),
    ...(squeezes && {
      [`${name}.se.fc1.weight`]: [narrow, width, 1, 1],
      [`${name}.se.fc1.bias`]: [narrow],
      [`${name}.se.fc2.weight`]: [width, narrow, 1, 1],
      [`${name}.se.fc2.bias`]: [width],
    }),
    ...mlp(`${name}.channel_mixer`, width),
  };
}

const downsample = (name: string, from: number, to: number): Layout => ({
  ...block(`${name}.pre_block`, from, false),
  ...conv(`${name}.spatial_downsample`, [from, 1, 3, 3]),
  ...conv(`${name}.channel_downsample`, [to, from, 1, 1]),
  ...mlp(`${name}.ffn`, to),
});
