import type { Layout } from "./layout.ts";

/** What tells one of SAM 2's image encoders from another: a Hiera of four stages, each at half the last one's side. */
export interface HieraArchitecture {
  /** Blocks of each stage. */
  readonly stages: readonly [number, number, number, number];
  /** Channels and heads of the first stage; each later one has twice as many. */
  readonly width: number;
  readonly heads: number;
  /** Side of each stage's windows, in its own tokens. */
  readonly windows: readonly [number, number, number, number];
  /** Blocks whose attention sees the whole image, counted through all stages. */
  readonly globalBlocks: readonly number[];
  /** Side of the position embedding that is stretched over the image. */
  readonly background: number;
  /** Side of the image embedding, in tokens of 16 pixels: the third stage's. */
  readonly grid: number;
}

const small = { width: 96, heads: 1, windows: [8, 4, 14, 7], background: 7, grid: 64 } as const;

/** Source: sam2 configs/sam2.1/*.yaml; those of SAM 2.0 are the same. */
export const hieraArchitectures = {
  hiera_tiny: { ...small, stages: [1, 2, 7, 2], globalBlocks: [5, 7, 9] },
  hiera_small: { ...small, stages: [1, 2, 11, 2], globalBlocks: [7, 10, 13] },
  hiera_base_plus: {
    stages: [2, 3, 16, 3],
    width: 112,
    heads: 2,
    windows: [8, 4, 14, 7],
    globalBlocks: [12, 16, 20],
    background: 14,
    grid: 64,
  },
  hiera_large: {
    stages: [2, 6, 36, 4],
    width: 144,
    heads: 2,
    windows: [8, 4, 16, 8],
    globalBlocks: [23, 33, 43],
    background: 7,
    grid: 64,
  },
} as const satisfies Record<string, HieraArchitecture>;

/** Side of the patches' kernel in pixels, and channels of the neck. */
const [patch, channels] = [7, 256];

/** One block of the trunk, and what it does to the side of its tokens. */
export interface HieraBlock {
  readonly name: string;
  readonly stage: number;
  /** Channels before and after. */
  readonly inputs: number;
  readonly width: number;
  readonly heads: number;
  /** Side of its windows in tokens as they come in; null where it sees the whole image. */
  readonly window: number | null;
  /** Whether it is the first of a stage, which halves the side by taking the largest of 2 x 2 queries. */
  readonly halves: boolean;
  /** Whether it is the last of a stage, whose tokens the neck takes. */
  readonly ends: boolean;
}

/** The trunk's blocks in order. A stage's first block has the windows of the stage before (sam2: hieradet.py). */
export function hieraBlocks(architecture: HieraArchitecture): HieraBlock[] {
  const { stages, width, heads, windows, globalBlocks } = architecture;
  const places = stages.flatMap((count, stage) =>
    Array.from({ length: count }, (_, i) => ({ stage, i, count })),
  );
  return places.map(({ stage, i, count }, index) => {
    const halves = stage > 0 && i === 0;
    const before = halves ? stage - 1 : stage;
    return {
      name: `image_encoder.trunk.blocks.${index}`,
      stage,
      inputs: width * 2 ** before,
      width: width * 2 ** stage,
      heads: heads * 2 ** stage,
      window: globalBlocks.includes(index) ? null : (windows[before] as number),
      halves,
      ends: i === count - 1,
    };
  });
}

/**
 * Names and shapes of SAM 2's image encoder, as Meta's PyTorch modules hold them (sam2: modeling/backbones/hieradet.py,
 * image_encoder.py), with what its decoder would do to every image alike: the 1 x 1 convolutions of the high-resolution
 * features and the embedding of no memory. Hiera tiny has 167 tensors.
 */
export function hieraLayout(architecture: HieraArchitecture): Layout {
  const { width, windows, background } = architecture;
  const trunk = "image_encoder.trunk";
  const block = ({ name, inputs, width: own }: HieraBlock): Layout => ({
    ...pair(`${name}.norm1`, [inputs]),
    ...pair(`${name}.attn.qkv`, [3 * own, inputs]),
    ...pair(`${name}.attn.proj`, [own, own]),
    ...pair(`${name}.norm2`, [own]),
    ...pair(`${name}.mlp.layers.0`, [4 * own, own]),
    ...pair(`${name}.mlp.layers.1`, [own, 4 * own]),
    ...(inputs === own ? {} : pair(`${name}.proj`, [own, inputs])),
  });
  return {
    [`${trunk}.pos_embed`]: [1, width, background, background],
    [`${trunk}.pos_embed_window`]: [1, width, windows[0], windows[0]],
    ...pair(`${trunk}.patch_embed.proj`, [width, 3, patch, patch]),
    ...Object.assign({}, ...hieraBlocks(architecture).map(block)),
    ...neckLayout([0, 1, 2, 3].map((stage) => width * 2 ** stage)),
  };
}

const pair = (name: string, weight: readonly number[]): Layout => ({
  [`${name}.weight`]: weight,
  [`${name}.bias`]: [weight[0] as number],
});

/** The neck on stages of so many channels, and what SAM 2's decoder would do to every image alike. */
export function neckLayout(widths: readonly number[]): Layout {
  // The neck's first is that of the last stage
  const convs = widths
    .toReversed()
    .map((width, i) => pair(`image_encoder.neck.convs.${i}.conv`, [channels, width, 1, 1]));
  return {
    ...Object.assign({}, ...convs),
    ...pair("sam_mask_decoder.conv_s0", [channels / 8, channels, 1, 1]),
    ...pair("sam_mask_decoder.conv_s1", [channels / 4, channels, 1, 1]),
    no_mem_embed: [1, 1, channels],
  };
}
