import { timingUsage } from "../lib/timing-options.ts";

export { readTimingOptions as readOptions } from "../lib/timing-options.ts";
export const usage = `  decode ${timingUsage}\n          one prompt on a cached embedding, against Meta's ONNX decoder\n`;
