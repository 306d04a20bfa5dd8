import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { type HieraArchitecture, type HieraBlock, hieraBlocks } from "../../checkpoint/hiera-layout.ts";
import { gelu, layerNorm, linear } from "../layers.ts";
import type { Weights } from "../types.ts";
import { fromWindows, regroup, toWindows } from "../windows.ts";
import { hieraAttention, largestOfFour } from "./hiera-attention.ts";
import { hieraPatches, patchPositions } from "./hiera-patches.ts";

/** Epsilon of the blocks' LayerNorms (sam2: modeling/backbones/hieradet.py). */
const epsilon = 1e-6;

/** Tokens of an image: in windows of any side that cover it evenly, [windows, side, side, C], or as one such. */
export interface StageTokens {
  readonly tokens: Tensor;
  /** Side of the image in these tokens. */
  readonly grid: number;
}

/**
 * The trunk (sam2: modeling/backbones/hieradet.py, class Hiera): pixels [1, 3, S, S], S = 16 * grid, to the tokens at
 * the end of each stage, 4, 2, 1 and 1/2 of `grid` wide.
 *
 * Tokens stay in the windows that a block attends in until another block wants other ones, as nothing but attention
 * sees where a token lies: the first two stages never leave theirs.
 */
export function hiera(pixels: Tensor, weights: Weights, architecture: HieraArchitecture): StageTokens[] {
  let grid = 4 * architecture.grid;
  let tokens = tf.add(hieraPatches(pixels, weights, grid), patchPositions(weights, grid));
  const ends: StageTokens[] = [];
  for (const block of hieraBlocks(architecture)) {
    tokens = run(block, tokens, grid, weights);
    if (block.halves) grid /= 2;
    if (block.ends) ends.push({ tokens, grid });
  }
  return ends;
}

/** Attention and MLP, each on normalised values and added to what came in. */
function run(block: HieraBlock, x: Tensor, grid: number, weights: Weights): Tensor {
  const { name, halves, inputs, width } = block;
  const window = block.window ?? grid;
  const even = grid % window === 0;
  const tokens = regroup(x, even ? window : grid, grid);
  const normal = layerNorm(tokens, weights, `${name}.norm1`, epsilon);
  const attend = (windows: Tensor): Tensor => hieraAttention(windows, weights, `${name}.attn`, block);
  // Padding is zero after the norm, so uneven windows are made for each attention anew
  const attended = even
    ? attend(normal)
    : fromWindows(attend(toWindows(normal, window)), halves ? grid / 2 : grid);
  const kept = inputs === width ? tokens : linear(normal, weights, `${name}.proj`);
  const y = tf.add(halves ? largestOfFour(kept) : kept, attended);
  const hidden = gelu(
    linear(layerNorm(y, weights, `${name}.norm2`, epsilon), weights, `${name}.mlp.layers.0`),
  );
  return tf.add(y, linear(hidden, weights, `${name}.mlp.layers.1`));
}
