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
 * Throws AppError invalid_request for one that is named twice, annotation_not_found (param `prompts[0].like.annotation`, ...).
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
    asks.push({ ...(await objectsOf(context, scope, like, place)), region: box, exclude });
  }
  return asks.length === 0 ? null : { places, asks };
}

async function objectsOf(
  context: Pick<ActionContext, "db" | "store">,
  scope: ProjectScope,
  { annotation, annotations, box }: AskedLike,
  place: number,
): Promise<Pick<LikeAsk, "like" | "label">> {
  if (box) return { like: [{ box }], label: null };
  const twice = annotations?.findIndex((id, i) => annotations.indexOf(id) < i) ?? -1;
  if (twice >= 0) {
    const param = `prompts[${place}].like.annotations[${twice}]`;
    throw new AppError("invalid_request", `${param}: this annotation is named before, too.`, { param });
  }
  const like: LikeObject[] = [];
  const labels = new Set<string | null>();
  for (const [i, id] of (annotations ?? [annotation ?? ""]).entries()) {
    const param = `prompts[${place}].like.${annotations ? `annotations[${i}]` : "annotation"}`;
    const { label, ...object } = await objectOf(context, scope, id, param);
    like.push(object);
    labels.add(label);
  }
  // Objects of several labels say nothing of what is like them all
  const [label = null] = labels.size === 1 ? labels : [];
  return { like, label };
}

async function objectOf(
  { db, store }: Pick<ActionContext, "db" | "store">,
  scope: ProjectScope,
  id: string,
  param: string,
): Promise<LikeObject & { label: string | null }> {
  try {
    const { imageId, width, height, box, label } = await getAnnotation(db, scope, id);
    const image = await getImage(db, scope, imageId);
    return { box, image: { ...imageSource(store, image), size: [height, width] }, label };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError(error.code, error.message, { param });
  }
}
