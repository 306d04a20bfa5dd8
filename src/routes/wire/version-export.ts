import { z } from "@hono/zod-openapi";
import { exportVariants } from "../../exports/types.ts";

export const exportVariant = z
  .enum(exportVariants)
  .default("all")
  .openapi({
    description:
      "What an ONNX decoder gives back. all: the mask that predict answers with under Meta's names, the four masks as " +
      "multimask_… and bounds; single, multi: Meta's outputs alone, with and without --return-single-mask; cvat: what " +
      "CVAT's browser plugin reads; served: the mask as predict answers with it, refined by the input `image` where the " +
      "version refines masks; versions with a window have no such file; engine: fixed shapes and the low-res mask alone, for " +
      "TensorRT and its kin. SAM 2's, in samexporter's layout: all, single (the best of the others where mask 0 is not stable), " +
      "multi (masks 1 to 3), and served and engine of one prompt a call. Other formats have no variants.",
  });

/** What `full` asks for. */
export const withEncoder = "With the image encoder: onnx becomes a zip of encoder.onnx and decoder.onnx.";
