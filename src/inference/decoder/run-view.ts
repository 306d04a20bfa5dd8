import type { MaskTokens } from "../../graphs/files.ts";
import { runNear } from "./near.ts";
import type { PromptTokens } from "./prompt-tokens.ts";
import { type Decoded, runDecoder } from "./run.ts";
import type { DecoderTask } from "./task.ts";

/** One run of the decoder over one view: what runDecoder takes. */
export interface ViewRun {
  readonly task: DecoderTask;
  readonly tokens: readonly PromptTokens[];
  readonly masks: Float32Array | undefined;
  readonly wanted: MaskTokens;
  /** Whether it looks at the image tokens near the prompts alone. */
  readonly near: boolean;
}

/** Throws what runDecoder and runNear throw. */
export const runView = ({ task, tokens, near, ...options }: ViewRun): Promise<Decoded> =>
  near ? runNear(task, tokens) : runDecoder(task, tokens, options);
