import { frameSide } from "./coordinates.ts";
import type { RgbImage } from "./types.ts";

/** Mean and spread of ImageNet, of values in [0, 1], R G B. Source: sam2 utils/transforms.py, SAM2Transforms. */
const mean = [0.485, 0.456, 0.406] as const;
const std = [0.229, 0.224, 0.225] as const;

/**
 * The input of SAM 2's image encoder, [3, 1024, 1024] float32: both sides resized to 1024, each by itself, normalised.
 * torchvision's Resize of a float image: a triangle filter that widens with the reduction (so it is antialiased), across
 * first, then down, nothing rounded in between.
 * Source: sam2 utils/transforms.py; PyTorch aten UpSampleKernel.cpp, upsample_bilinear2d_aa.
 */
export function stretchedInput({ width, height, data }: RgbImage): Float32Array {
  const plane = frameSide * frameSide;
  const input = new Float32Array(3 * plane);
  const [across, down] = [filterOf(width), filterOf(height)];
  const rows = new Float32Array(frameSide * height);
  const scratch = new Float32Array(frameSide);
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < frameSide; x++) {
        const { first, weights } = across[x] as Taps;
        let sum = 0;
        for (let j = 0, from = (y * width + first) * 3 + c; j < weights.length; j++, from += 3)
          sum += (weights[j] as number) * (data[from] as number);
        rows[y * frameSide + x] = sum / 255;
      }
    }
    const [middle, spread] = [mean[c] as number, std[c] as number];
    for (let y = 0; y < frameSide; y++) {
      const { first, weights } = down[y] as Taps;
      scratch.fill(0);
      for (let j = 0, from = first * frameSide; j < weights.length; j++, from += frameSide) {
        const weight = weights[j] as number;
        for (let x = 0; x < frameSide; x++)
          scratch[x] = (scratch[x] as number) + weight * (rows[from + x] as number);
      }
      const to = c * plane + y * frameSide;
      for (let x = 0; x < frameSide; x++) input[to + x] = ((scratch[x] as number) - middle) / spread;
    }
  }
  return input;
}

/** What one output is made of: the first input and the weights of those from it on, which sum to 1. */
interface Taps {
  readonly first: number;
  readonly weights: Float32Array;
}

/** From `side` inputs to 1024 outputs. */
function filterOf(side: number): Taps[] {
  const scale = side / frameSide;
  const support = Math.max(scale, 1);
  return Array.from({ length: frameSide }, (_, i) => {
    const centre = scale * (i + 0.5);
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const count = Math.min(side, Math.trunc(centre + support + 0.5)) - first;
    const weights = Float32Array.from({ length: count }, (_unused, j) =>
      Math.max(0, 1 - Math.abs((j + first - centre + 0.5) / support)),
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}
