import type { ModelFamily } from "../domain/model-family.ts";
import { decoderLayout, type Layout } from "./layout.ts";
import { sam2DecoderLayout } from "./sam2-decoder.ts";

/** Names and shapes of a family's prompt encoder and mask decoder. */
export const decoderLayouts: Readonly<Record<ModelFamily, Layout>> = {
  sam: decoderLayout,
  sam2: sam2DecoderLayout,
};
