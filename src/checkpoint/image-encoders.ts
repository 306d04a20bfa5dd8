import type { ModelFamily } from "../domain/model-family.ts";
import { type EncoderArchitecture, encoderArchitectures, encoderLayout } from "./encoder-layout.ts";
import { type HieraArchitecture, hieraArchitectures, hieraLayout } from "./hiera-layout.ts";
import { type RepVitArchitecture, repVitArchitectures, repVitLayout } from "./rep-vit-layout.ts";
import type { Layout } from "./layout.ts";
import { type TinyVitArchitecture, tinyVitArchitectures, tinyVitLayout } from "./tiny-vit-layout.ts";

/** An image encoder of either family that can be made of its weights. */
export type ImageEncoder = EncoderArchitecture | TinyVitArchitecture | HieraArchitecture | RepVitArchitecture;

/** By what a base model's type says. */
export const imageEncoders: Readonly<Record<string, ImageEncoder>> = {
  ...encoderArchitectures,
  ...tinyVitArchitectures,
  ...hieraArchitectures,
  ...repVitArchitectures,
};

export const isHiera = (encoder: ImageEncoder): encoder is HieraArchitecture => "stages" in encoder;

export const isTinyVit = (encoder: ImageEncoder): encoder is TinyVitArchitecture => "widths" in encoder;

export const isRepVit = (encoder: ImageEncoder): encoder is RepVitArchitecture => "channels" in encoder;

export const familyOf = (encoder: ImageEncoder): ModelFamily =>
  isHiera(encoder) || isRepVit(encoder) ? "sam2" : "sam";

/** Names and shapes of an image encoder's tensors, as its makers' PyTorch module holds them. */
export function imageEncoderLayout(encoder: ImageEncoder): Layout {
  if (isHiera(encoder)) return hieraLayout(encoder);
  if (isRepVit(encoder)) return repVitLayout(encoder);
  return isTinyVit(encoder) ? tinyVitLayout(encoder) : encoderLayout(encoder);
}

/** Blocks of an image encoder, through all its stages, and channels of its patches. */
export function sizeOf(encoder: ImageEncoder): { blocks: number; width: number } {
  const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b);
  if (isHiera(encoder)) return { blocks: sum(encoder.stages), width: encoder.width };
  if (isRepVit(encoder)) return { blocks: sum(encoder.blocks), width: encoder.channels[0] };
  if (isTinyVit(encoder)) return { blocks: sum(encoder.depths), width: encoder.widths[0] };
  return { blocks: encoder.depth, width: encoder.width };
}
