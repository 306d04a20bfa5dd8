import { timingUsage } from "../lib/timing-options.ts";

export { readTimingOptions as readOptions } from "../lib/timing-options.ts";
export const usage = `  train ${timingUsage}\n          one optimizer step, against PyTorch\n`;
