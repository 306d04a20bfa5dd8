import { timingUsage } from "../lib/timing-options.ts";

export { readDecoderOptions as readOptions } from "../lib/base-option.ts";
export const usage = `  train ${timingUsage} [--base sam2_tiny]
          one optimizer step, against PyTorch; SAM 2's with random weights, against transformers in it
`;
