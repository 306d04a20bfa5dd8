import { decodeRle, encodeRle } from "../../imaging/rle.ts";
import type { BinaryMask } from "../../imaging/types.ts";
import { api } from "../api/client.ts";
import type { Prediction } from "../api/types.ts";
import type { Draft } from "./sketch.ts";

export type VersionName = "active" | "base" | number;

export interface Answer {
  readonly mask: BinaryMask;
  readonly score: number;
  /** The prediction's, for feedback. */
  readonly id: string;
  /** Milliseconds in the server; what is missing to the whole is the way there and back. */
  readonly serverMs: number;
}

/** What of a draft the model is told. */
export type Prompt = Pick<Draft, "points" | "box" | "mask" | "byHand">;

/** The mask that a project's version sees at these prompts. */
export async function predict(
  projectId: string,
  imageId: string,
  draft: Prompt,
  options: { version: VersionName; signal?: AbortSignal },
): Promise<Answer> {
  const prompt = {
    ...(draft.points.length > 0 && { points: draft.points }),
    ...(draft.box && { box: draft.box }),
    // What the hand has corrected is told to the model, too.
    ...(draft.byHand && draft.mask && { mask: encodeRle(draft.mask) }),
  };
  const body = { image: { id: imageId }, prompts: [prompt], version: options.version };
  const answer = await api.post<Prediction>(`/v1/projects/${projectId}/predict`, body, options.signal);
  const best = answer.results[0]?.predictions[0]?.masks[0];
  if (!best) throw new Error("The answer holds no mask.");
  return { mask: decodeRle(best), score: best.score, id: answer.id, serverMs: answer.timing_ms.total };
}
