import { frameSide, inputSize } from "./coordinates.ts";
import { resizeBilinear } from "./resize.ts";
import type { RgbImage } from "./types.ts";

/** Mean and spread of ImageNet, in 8-bit units, R G B. Source: segment-anything build_sam.py, pixel_mean and pixel_std. */
const mean = [123.675, 116.28, 103.53] as const;
const std = [58.395, 57.12, 57.375] as const;

/** Every 8-bit value normalised, [3, 256], in PyTorch's float32 steps: subtract, round, divide, round. */
const normalised = Float32Array.from({ length: 3 * 256 }, (_, i) => {
  const channel = Math.floor(i / 256) as 0 | 1 | 2;
  return Math.fround((i % 256) - Math.fround(mean[channel])) / Math.fround(std[channel]);
});

/** The image with its longest side at 1024, by Pillow's antialiased bilinear. */
export function resizedImage(image: RgbImage): RgbImage {
  const [height, width] = inputSize([image.height, image.width]);
  return resizeBilinear(image, width, height);
}

/**
 * The image encoder's input, [3, 1024, 1024] float32: the longest side resized to 1024, normalised, and padded on the
 * right and below with zeros (after normalising, as SAM does: the padding is the mean colour, not black).
 * Source: segment-anything predictor.py, set_image, and modeling/sam.py, preprocess.
 */
export const encoderInput = (image: RgbImage): Float32Array => paddedInput(resizedImage(image));

/** The same of an image whose longest side is at 1024 already. */
export function paddedInput({ width, height, data }: RgbImage): Float32Array {
  const plane = frameSide * frameSide;
  const input = new Float32Array(3 * plane);
  for (let y = 0, from = 0; y < height; y++) {
    for (let x = 0, to = y * frameSide; x < width; x++, to++, from += 3) {
      input[to] = normalised[data[from] as number] as number;
      input[plane + to] = normalised[256 + (data[from + 1] as number)] as number;
      input[2 * plane + to] = normalised[512 + (data[from + 2] as number)] as number;
    }
  }
  return input;
}
