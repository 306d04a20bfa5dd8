import type { ModelFamily } from "../domain/model-family.ts";
import { type EncoderArchitecture, encoderArchitectures, encoderLayout } from "./encoder-layout.ts";
import { type HieraArchitecture, hieraArchitectures, hieraLayout } from "./hiera-layout.ts";
import type { Layout } from "./layout.ts";

/** An image encoder of either family that can be made of its weights. */
export type ImageEncoder = EncoderArchitecture | HieraArchitecture;

/** By what a base model's type says. */
export const imageEncoders: Readonly<Record<string, ImageEncoder>> = {
  ...encoderArchitectures,
  ...hieraArchitectures,
};

export const isHiera = (encoder: ImageEncoder): encoder is HieraArchitecture => "stages" in encoder;

export const familyOf = (encoder: ImageEncoder): ModelFamily => (isHiera(encoder) ? "sam2" : "sam");

/** Names and shapes of an image encoder's tensors, as Meta's PyTorch module holds them. */
export const imageEncoderLayout = (encoder: ImageEncoder): Layout =>
  isHiera(encoder) ? hieraLayout(encoder) : encoderLayout(encoder);

/** Blocks of an image encoder, through all its stages. */
export const blocksOf = (encoder: ImageEncoder): number =>
  isHiera(encoder) ? encoder.stages.reduce((a, b) => a + b) : encoder.depth;
