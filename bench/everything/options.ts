import { timingUsage } from "../lib/timing-options.ts";

export { readTimingOptions as readOptions } from "../lib/timing-options.ts";
export const usage =
  `  everything ${timingUsage} [--meta PATH]\n` +
  "          a whole image, against Meta's automatic mask generator in PyTorch, of the package segment_anything or of the\n" +
  "          checkout at PATH\n";
