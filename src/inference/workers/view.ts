import { type Outcome, settle } from "../../lib/outcome.ts";
import type { MaskTokens } from "../../graphs/files.ts";
import { type Decoded, runDecoder } from "../decoder/run.ts";
import type { DecoderTask } from "../decoder/task.ts";
import type { PromptTokens } from "../decoder/prompt-tokens.ts";

/** One run of the decoder: what runDecoder takes. */
export interface ViewRun {
  readonly task: DecoderTask;
  readonly tokens: readonly PromptTokens[];
  readonly masks: Float32Array | undefined;
  readonly wanted: MaskTokens;
}

/** A view's run beside those of its decode worker: see decoder/decode-views.ts. */
export const decode = ({ task, tokens, ...options }: ViewRun): Promise<Outcome<Decoded>> =>
  settle(() => runDecoder(task, tokens, options));
