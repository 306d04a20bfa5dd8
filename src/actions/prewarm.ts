import type { PredictResult } from "../inference/types.ts";
import { resolveVersions, type VersionName } from "./asked-versions.ts";
import { checkAmounts, clipPrompts } from "./check-prompts.ts";
import type { ActionContext, Ask } from "./context.ts";
import { type AskedImage, findImage, type FoundImage } from "./find-image.ts";
import type { AskedPrompt } from "./asked-prompt.ts";

/** Prompts that are prepared for in one call. */
export const mostPrewarmed = 16;

export interface AskedPrewarm {
  readonly image: AskedImage;
  readonly version: VersionName | readonly VersionName[];
  /** Those that are likely to be asked for; left out, a click in the middle. */
  readonly prompts?: readonly Omit<AskedPrompt, "mask">[] | undefined;
}

/** Version numbers, 0 the base. */
export interface Prewarmed {
  readonly image: FoundImage;
  readonly versions: number[];
  readonly result: PredictResult;
}

/**
 * Does all that the first prompt would have to do; its mask is nobody's, and is not logged.
 * Throws what checkAmounts, resolveVersions, findImage, clipPrompts and Inference.predict throw.
 */
export async function prewarm(
  context: ActionContext,
  { scope, project, signal }: Ask,
  asked: AskedPrewarm,
): Promise<Prewarmed> {
  if (asked.prompts) checkAmounts(asked.prompts, mostPrewarmed);
  const versions = await resolveVersions(context, scope, project, asked.version);
  const { baseModel } = project;
  const image = await findImage(context, scope, asked.image, { baseModel, signal });
  const [height, width] = image.size;
  const prompts = asked.prompts && clipPrompts(asked.prompts, image.size).prompts;
  const result = await context.inference.predict({
    workspaceId: scope.workspaceId,
    baseModel,
    image: image.source,
    versions,
    size: image.size,
    prompts: prompts ?? [{ points: [[width / 2, height / 2, 1]] }],
    multimask: false,
    format: "rle",
    signal,
  });
  context.metrics.embeddings.inc({ from: result.embeddingFrom });
  return { image, versions: versions.map(({ number }) => number), result };
}
