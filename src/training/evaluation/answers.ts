import type { LogitsMask, RleMask } from "../../imaging/types.ts";
import type { Prompt, VersionRef } from "../../inference/types.ts";
import type { Inference } from "../../inference/inference.ts";
import type { ObjectStore } from "../../storage/store.ts";
import { type SnapshotImage, sourceOf } from "../data/snapshot.ts";

export interface Answer {
  readonly mask: RleMask;
  readonly predictedIou: number;
  /** Where it was asked for. */
  readonly lowRes?: LogitsMask | undefined;
}

export interface AnswerDeps {
  readonly inference: Inference;
  readonly store: ObjectStore;
}

export interface AnswerOptions {
  readonly workspaceId: string;
  readonly baseModel: string;
  readonly signal: AbortSignal;
}

/**
 * The single masks that versions give to prompts on one image, by the very path that serves predictions, so that what
 * is measured is what callers get. One row a version, in their order; one answer a prompt, in theirs.
 */
export async function answersOf(
  deps: AnswerDeps,
  image: SnapshotImage,
  prompts: readonly Prompt[],
  options: AnswerOptions & { versions: readonly VersionRef[]; lowRes?: boolean },
): Promise<Answer[][]> {
  if (prompts.length === 0) return options.versions.map(() => []);
  const { results } = await deps.inference.predict({
    image: sourceOf(deps.store, image),
    workspaceId: options.workspaceId,
    baseModel: options.baseModel,
    signal: options.signal,
    versions: options.versions,
    prompts,
    multimask: false,
    format: "rle",
    lowRes: options.lowRes ?? false,
  });
  return results.map(({ predictions }) =>
    predictions.map(({ masks }) => {
      const answer = masks[0];
      if (answer?.mask.format !== "rle") throw new Error("a mask in RLE was asked for and did not come");
      return { mask: answer.mask, predictedIou: answer.score, lowRes: answer.lowRes };
    }),
  );
}
