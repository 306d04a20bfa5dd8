import { getAnnotation } from "../db/queries/annotations.ts";
import { getImage } from "../db/queries/images.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import type { LikeAsk, LikeObject } from "../inference/find/types.ts";
import { AppError } from "../lib/errors.ts";
import { imageSource } from "../storage/named-objects.ts";
import type { AskedLike, AskedPrompt } from "./asked-prompt.ts";
import type { ActionContext } from "./context.ts";

/** What a request asks for by objects that are there. */
export interface Likes {
  /** For each ask, the place of its prompt in the request. */
  readonly places: readonly number[];
  readonly asks: readonly LikeAsk[];
}

/**
 * Looks up the objects that others are to be like. Null where none is asked for so.
 * Throws AppError annotation_not_found (param `prompts[0].like.annotation`, ...).
 */
export async function likesOf(
  context: Pick<ActionContext, "db" | "store">,
  scope: ProjectScope,
  prompts: readonly AskedPrompt[],
): Promise<Likes | null> {
  const places: number[] = [];
  const asks: LikeAsk[] = [];
  for (const [place, { like, box, exclude }] of prompts.entries()) {
    if (!like) continue;
    places.push(place);
    asks.push({ like: await objectOf(context, scope, like, place), region: box, exclude });
  }
  return asks.length === 0 ? null : { places, asks };
}

async function objectOf(
  { db, store }: Pick<ActionContext, "db" | "store">,
  scope: ProjectScope,
  { annotation: id, box }: AskedLike,
  place: number,
): Promise<LikeObject> {
  if (box) return { box, label: null };
  try {
    const { imageId, width, height, box: round, label } = await getAnnotation(db, scope, id ?? "");
    const image = await getImage(db, scope, imageId);
    return { box: round, image: { ...imageSource(store, image), size: [height, width] }, label };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError(error.code, error.message, { param: `prompts[${place}].like.annotation` });
  }
}
