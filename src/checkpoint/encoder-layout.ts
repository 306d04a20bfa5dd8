import type { Layout } from "./layout.ts";

/** What tells one of SAM's image encoders from another. All work on patches of 16 x 16 pixels. */
export interface EncoderArchitecture {
  /** Blocks. */
  readonly depth: number;
  /** Channels of a token. */
  readonly width: number;
  readonly heads: number;
  /** Blocks whose attention sees the whole image; the others see windows. */
  readonly globalBlocks: readonly number[];
  /** Side of a window, in tokens. */
  readonly window: number;
  /** Side of the image, in tokens. */
  readonly grid: number;
}

const sam = { window: 14, grid: 64 } as const;

/** Source: segment-anything build_sam.py. */
export const encoderArchitectures = {
  vit_b: { depth: 12, width: 768, heads: 12, globalBlocks: [2, 5, 8, 11], ...sam },
  vit_l: { depth: 24, width: 1024, heads: 16, globalBlocks: [5, 11, 17, 23], ...sam },
  vit_h: { depth: 32, width: 1280, heads: 16, globalBlocks: [7, 15, 23, 31], ...sam },
} as const satisfies Record<string, EncoderArchitecture>;

export type EncoderType = keyof typeof encoderArchitectures;

/** Side of a patch in pixels, and channels of the embedding. */
const [patch, channels] = [16, 256];

/**
 * Names and shapes of an image encoder, as Meta's PyTorch module holds them
 * (segment-anything: modeling/image_encoder.py). ViT-B has 177 tensors.
 */
export function encoderLayout(architecture: EncoderArchitecture): Layout {
  const { depth, width, heads, globalBlocks, window, grid } = architecture;
  const e = "image_encoder";
  const pair = (name: string, weight: readonly number[]): Layout => ({
    [`${name}.weight`]: weight,
    [`${name}.bias`]: [weight[0] as number],
  });
  const block = (i: number): Layout => {
    const b = `${e}.blocks.${i}`;
    const side = globalBlocks.includes(i) ? grid : window;
    return {
      ...pair(`${b}.norm1`, [width]),
      [`${b}.attn.rel_pos_h`]: [2 * side - 1, width / heads],
      [`${b}.attn.rel_pos_w`]: [2 * side - 1, width / heads],
      ...pair(`${b}.attn.qkv`, [3 * width, width]),
      ...pair(`${b}.attn.proj`, [width, width]),
      ...pair(`${b}.norm2`, [width]),
      ...pair(`${b}.mlp.lin1`, [4 * width, width]),
      ...pair(`${b}.mlp.lin2`, [width, 4 * width]),
    };
  };
  return {
    [`${e}.pos_embed`]: [1, grid, grid, width],
    ...pair(`${e}.patch_embed.proj`, [width, 3, patch, patch]),
    ...Object.assign({}, ...Array.from({ length: depth }, (_, i) => block(i))),
    [`${e}.neck.0.weight`]: [channels, width, 1, 1],
    ...pair(`${e}.neck.1`, [channels]),
    [`${e}.neck.2.weight`]: [channels, channels, 3, 3],
    ...pair(`${e}.neck.3`, [channels]),
  };
}
