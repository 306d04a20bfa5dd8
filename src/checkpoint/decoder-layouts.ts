import type { ModelFamily } from "../domain/model-family.ts";
import { decoderLayout, type Layout } from "./layout.ts";
import type { NamedTensors } from "./named-tensors.ts";
import { sam2DecoderLayout } from "./sam2-decoder.ts";

/** Names and shapes of a family's prompt encoder and mask decoder. */
export const decoderLayouts: Readonly<Record<ModelFamily, Layout>> = {
  sam: decoderLayout,
  sam2: sam2DecoderLayout,
};

/** The family of a decoder's tensors by their names in memory: SAM 2's have an object score. */
export const familyOfDecoder = (tensors: NamedTensors): ModelFamily =>
  Object.hasOwn(tensors, "mask_decoder.obj_score_token.weight") ? "sam2" : "sam";
