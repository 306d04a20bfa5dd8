import { ChildPool } from "../../lib/child/pool.ts";
import type * as stageChild from "./stage-child.ts";

/** Roomy: whoever makes a base model owns the machine, and the encoder of ViT-H takes 2.5 GB to be tried. */
export const stagingChildren = new ChildPool<typeof stageChild>({
  module: new URL("./stage-child.ts", import.meta.url),
  limits: { heapMiB: 1024, memoryMiB: 16 * 1024, silenceMs: 30 * 60_000, valueMiB: 64 },
  most: 1,
});
