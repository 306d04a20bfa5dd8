import { timingUsage } from "../lib/timing-options.ts";

export { readDecoderOptions as readOptions } from "../lib/base-option.ts";
export const usage = `  decode ${timingUsage} [--base sam2_tiny]
          one prompt on a cached embedding, against Meta's ONNX decoder; SAM 2's with random weights, against transformers
`;
