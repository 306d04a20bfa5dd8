import type { LoggedPrompt } from "../domain/prompts.ts";
import type { Box, MaskFormat } from "../imaging/types.ts";
import { requireFinder } from "../db/queries/versions.ts";
import type { Named, NameRequest } from "../inference/find/types.ts";
import type { PredictResult, VersionRef } from "../inference/types.ts";
import { tenth } from "../lib/clock.ts";
import { AppError } from "../lib/errors.ts";
import type { ActionContext, Ask } from "./context.ts";
import type { Finds } from "./find-asks.ts";
import type { Likes } from "./like-asks.ts";
import type { FoundImage } from "./find-image.ts";
import {
  type AnsweredMask,
  type AnsweredPrompts,
  findObjects,
  inOrder,
  logFound,
  textOf,
} from "./find-objects.ts";
import type { ReadPrompts } from "./read-prompts.ts";

/** What is asked of an image, checked and read. */
export interface Question {
  readonly image: FoundImage;
  readonly versions: readonly VersionRef[];
  readonly prompts: ReadPrompts;
  /** Null where no label is asked for. */
  readonly finds: Finds | null;
  /** Null where nothing is asked for by an object like it. */
  readonly likes: Likes | null;
}

export interface Wish {
  readonly multimask: boolean | "best";
  readonly format: MaskFormat;
  readonly polygonTolerance: number;
  /** Whether drawn prompts' low-res logits are wanted, too. */
  readonly lowRes: boolean;
  /** Whether drawn prompts' masks are named. */
  readonly labels: boolean;
  /** Left out, each finder's own. */
  readonly findThreshold: number | undefined;
  readonly maxObjects: number;
  /** Characters that all masks may be. */
  readonly mostText: number;
}

export interface Answered {
  readonly result: AnsweredPrompts;
  /** The prompts as the log keeps them, with the places of what was found. */
  readonly logged: readonly LoggedPrompt[];
}

/**
 * Asks the decoder for what was drawn, then for what is to be found.
 * Throws what Inference.predict, Inference.find and Inference.findLike throw.
 */
export async function answerPrompts(
  { inference }: Pick<ActionContext, "inference">,
  { scope, project, signal }: Pick<Ask, "scope" | "project" | "signal">,
  question: Question,
  wish: Wish,
): Promise<Answered> {
  const { image, versions, prompts, finds, likes } = question;
  const { format, polygonTolerance } = wish;
  const about = { workspaceId: scope.workspaceId, baseModel: project.baseModel, signal };
  const predictDrawn = async (): Promise<NamedResult> => {
    const drawn = await inference.predict({
      ...about,
      image: image.source,
      size: image.size,
      versions,
      prompts: prompts.asked,
      multimask: wish.multimask,
      format,
      polygonTolerance,
      lowRes: wish.lowRes,
      maxAnswerText: wish.mostText,
    });
    // A finder that is asked anyway names them, too
    return wish.labels && !finds ? named(inference, drawn, { ...about, image, versions }) : drawn;
  };
  if (!finds && !likes) return { result: await predictDrawn(), logged: prompts.logged };
  if (format === "logits") throw new Error("found objects have no logits");
  const drawn = prompts.asked.length === 0 ? null : await inPlace(prompts.places, predictDrawn);
  const masks = (drawn?.results ?? []).flatMap((one) => one.predictions.flatMap((each) => each.masks));
  const found = await findObjects(
    inference,
    { finds, likes, versions },
    {
      ...about,
      image: { ...image.source, size: image.size },
      threshold: wish.findThreshold,
      most: wish.maxObjects,
      names: wish.labels && finds && drawn ? drawn.results.map(boxesOf) : undefined,
      format,
      polygonTolerance,
      maxAnswerText: wish.mostText - textOf(masks),
    },
  );
  return {
    result: inOrder(
      prompts.logged.length,
      drawn && { ...drawn, results: drawn.results.map((one, v) => withNames(one, found.names[v] ?? [])) },
      found,
    ),
    logged: logFound(prompts.logged, found),
  };
}

/** Answers to drawn prompts, whose masks may say what they show. */
export type NamedResult = Omit<PredictResult, "results"> & Pick<AnsweredPrompts, "results">;

/** The same answers, each mask with the label that its version's finder sees there, if it sees one. */
async function named(
  inference: Pick<ActionContext["inference"], "name">,
  drawn: PredictResult,
  {
    image,
    versions,
    ...about
  }: Pick<Question, "image" | "versions"> & Pick<NameRequest, "workspaceId" | "baseModel" | "signal">,
): Promise<NamedResult> {
  const start = performance.now();
  const results = [];
  for (const [v, result] of drawn.results.entries()) {
    const ref = versions[v] as VersionRef;
    const names = await inference.name({
      ...about,
      image: { ...image.source, size: image.size },
      version: { ...ref, finder: requireFinder(ref) },
      boxes: boxesOf(result),
    });
    results.push(withNames(result, names));
  }
  const { decode, total } = drawn.timingMs;
  const spent = performance.now() - start;
  const timingMs = { ...drawn.timingMs, decode: tenth(decode + spent), total: tenth(total + spent) };
  return { ...drawn, results, timingMs };
}

type Drawn = NamedResult["results"][number];

const boxesOf = ({ predictions }: Drawn): Box[] =>
  predictions.flatMap(({ masks }) => masks.map(({ bbox }) => bbox));

/** One name a mask, in their order; none stays as it is. */
function withNames(drawn: Drawn, names: readonly (Named | null)[]): Drawn {
  const next = names.values();
  const predictions = drawn.predictions.map((one) => ({
    ...one,
    masks: one.masks.map((mask): AnsweredMask => ({ ...mask, ...next.next().value })),
  }));
  return { ...drawn, predictions };
}

/** Names a drawn prompt that is at fault by its place in the request. */
async function inPlace<T>(places: readonly number[], make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (!(error instanceof AppError) || error.param === undefined) throw error;
    const { code, message, cause, retryAfter } = error;
    const param = error.param.replace(
      /^prompts\[(\d+)\]/,
      (_, drawn: string) => `prompts[${places[Number(drawn)] ?? drawn}]`,
    );
    throw new AppError(code, message, { param, cause, ...(retryAfter !== undefined && { retryAfter }) });
  }
}
