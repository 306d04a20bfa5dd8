import type { Box, LogitsMask, RleMask } from "../imaging/types.ts";
import { findImageByHash } from "../db/queries/images.ts";
import { getPrediction, type Prediction } from "../db/queries/predictions.ts";
import type { Project } from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { isFound, type LoggedPrompt } from "../domain/prompts.ts";
import type { ImageSource, PredictedMask, Prompt, VersionRef } from "../inference/types.ts";
import { finding } from "../inference/find/find-focus.ts";
import { imageBytes } from "../storage/named-objects.ts";
import { AppError } from "../lib/errors.ts";
import { refsOf } from "./asked-versions.ts";
import type { ActionContext } from "./context.ts";
import type { AnsweredPrompts } from "./find-objects.ts";
import type { RecentMasks } from "./recent-masks.ts";

/** One mask of a logged prediction. */
export interface MaskPlace {
  readonly version: number;
  readonly prompt: number;
  readonly mask: number;
}

/** Answers of more masks are nobody's click; keeping them would push out those that are. */
const mostKeptMasks = 6;
/** A click refines the one before it, and that its own: so far back the chain is followed where nothing is kept. */
const longestChain = 32;

const keyOf = (id: string, { version, prompt, mask }: MaskPlace): string =>
  [id, version, prompt, mask].join("/");

export const keepsLowRes = (
  { prompts, multimask }: { prompts: readonly unknown[]; multimask: boolean | "best" },
  versions: number,
): boolean => versions * prompts.length * (multimask === true ? 3 : 1) <= mostKeptMasks;

export function keepLowRes(
  recent: RecentMasks,
  id: string,
  { results }: Pick<AnsweredPrompts, "results">,
): void {
  for (const { version, predictions } of results) {
    for (const [prompt, { masks }] of predictions.entries()) {
      for (const [mask, { lowRes }] of masks.entries())
        if (lowRes) recent.set(keyOf(id, { version, prompt, mask }), lowRes);
    }
  }
}

type Context = Pick<ActionContext, "db" | "store" | "inference" | "recentMasks" | "known">;

const scopeOf = (project: Project): ProjectScope => ({
  workspaceId: project.workspaceId,
  projectId: project.id,
});

/**
 * A logged prediction's mask as the decoder's mask prompt takes it: kept, or decoded again from the log.
 * Throws AppError prediction_mask_unknown, prediction_not_repeatable, image_handle_unknown.
 */
export async function lowResOf(
  context: Context,
  project: Project,
  row: Prediction,
  place: MaskPlace,
  depth = 0,
): Promise<LogitsMask> {
  const { found: made } = requirePlace(row, place);
  if (made?.parts)
    throw unknownMask(
      `prompt ${place.prompt} asked for a region, which is of many masks: give it as run lengths (format rle)`,
    );
  const kept = context.recentMasks.get(keyOf(row.id, place));
  if (kept) return kept;
  const { lowRes } = await predictAgain(context, project, row, place, depth);
  if (!lowRes) throw new Error("inference gave no low-res logits");
  context.recentMasks.set(keyOf(row.id, place), lowRes);
  return lowRes;
}

/**
 * A logged prediction's mask, decoded again: the same image, weights and prompt give the same mask, so no answer has
 * to be kept. Throws AppError prediction_mask_unknown, prediction_not_repeatable, image_handle_unknown.
 */
export async function predictAgain(
  context: Context,
  project: Project,
  row: Prediction,
  place: MaskPlace,
  depth = 0,
): Promise<PredictedMask> {
  const { prompt: logged, found } = requirePlace(row, place);
  const scope = scopeOf(project);
  const versions = await refsOf(context, scope, [place.version]);
  const result = await context.inference.predict({
    workspaceId: project.workspaceId,
    baseModel: project.baseModel,
    image: await sourceOf(context, scope, row),
    ...(row.width !== null && row.height !== null && { size: [row.height, row.width] as const }),
    versions: found ? versions.map((version) => finding(version, found.plain)) : versions,
    prompts: [await toPrompt(context, project, logged, depth)],
    multimask: !found && (row.request.multimask ?? false),
    near: found !== null,
    format: "rle",
    lowRes: true,
  });
  const decoded = result.results[0]?.predictions[0]?.masks[found ? 0 : place.mask];
  if (!decoded) throw unknownMask(`prompt ${place.prompt} has no mask ${place.mask}`);
  return decoded;
}

/** As predictAgain, but for the mask alone, also where it is a region of many. */
export async function maskAgain(
  context: Context,
  project: Project,
  row: Prediction,
  place: MaskPlace,
): Promise<RleMask> {
  const { found } = requirePlace(row, place);
  if (!found?.parts || row.width === null || row.height === null)
    return (await predictAgain(context, project, row, place)).mask as RleMask;
  const scope = scopeOf(project);
  const [version] = await refsOf(context, scope, [place.version]);
  const image = { ...(await sourceOf(context, scope, row)), size: [row.height, row.width] as const };
  const { workspaceId, baseModel } = project;
  const asked = { workspaceId, baseModel, image, version: version as VersionRef, parts: found.parts };
  return (await context.inference.regionAgain(asked)).mask;
}

export const unknownMask = (why: string): AppError =>
  new AppError("prediction_mask_unknown", `In the earlier prediction ${why}.`);

/** What a mask of an answer was made by. */
export interface Made {
  /** The prompt; for a found object its box, with the label's name that was asked for. */
  readonly prompt: LoggedPrompt;
  /** What a found object is; null also where the prompt was drawn. */
  readonly label: string | null;
  /**
   * Set where it is one of many objects that were found for its prompt: whether without the version's window; where all of
   * them are its one region, the boxes that this was made by.
   */
  readonly found: {
    readonly plain: boolean;
    readonly parts?: readonly { readonly prompt: Box; readonly plain?: true }[];
  } | null;
}

/** The prompt of a mask that the prediction did answer with. Throws AppError prediction_mask_unknown. */
export function requirePlace(row: Prediction, { version, prompt, mask }: MaskPlace): Made {
  if (!row.versions.includes(version)) {
    throw unknownMask(`${version === 0 ? "the base" : `version ${version}`} did not answer`);
  }
  const logged = row.request.prompts?.[prompt];
  if (!logged) throw unknownMask(`there is no prompt ${prompt}`);
  if (isFound(logged)) {
    const objects = (logged.found ?? []).filter(([by]) => by === version);
    const { found: _, exclude: __, ...asked } = logged;
    const [surest] = objects;
    if (logged.region && surest && mask === 0) {
      const parts = objects.map(([, box, , plain]) => ({ prompt: box, ...(plain && { plain }) }));
      return { prompt: asked, label: surest[2], found: { plain: false, parts } };
    }
    const object = logged.region ? undefined : objects[mask];
    if (!object)
      throw unknownMask(`${counted(logged, objects.length)} for prompt ${prompt}, no number ${mask}`);
    const [, box, label, plain = false] = object;
    return { prompt: { ...asked, box }, label, found: { plain } };
  }
  const masks = row.request.multimask === true ? 3 : 1;
  if (mask >= masks) throw unknownMask(`prompt ${prompt} has ${masks} masks, no number ${mask}`);
  return { prompt: logged, label: null, found: null };
}

const counted = ({ region }: LoggedPrompt, objects: number): string =>
  region ? `${Math.min(1, objects)} regions were found` : `${objects} objects were found`;

async function toPrompt(
  context: Context,
  project: Project,
  logged: LoggedPrompt,
  depth: number,
): Promise<Prompt> {
  const { box, points, mask } = logged;
  if (mask === undefined) return { box, points };
  if (mask?.format === "rle") return { box, points, mask };
  if (mask === null || depth === longestChain) {
    const why =
      mask === null
        ? "it was prompted with logits, which are not logged"
        : `it stands at the end of more than ${longestChain} predictions`;
    throw new AppError("prediction_not_repeatable", `The earlier prediction can't be made again: ${why}.`);
  }
  const row = await getPrediction(context.db, scopeOf(project), mask.id);
  return { box, points, mask: await lowResOf(context, project, row, mask, depth + 1) };
}

/** The stored image of these bytes, or whatever embedding of it is left. */
export async function sourceOf(
  { db, store }: Pick<Context, "db" | "store">,
  scope: ProjectScope,
  { imageSha256 }: Prediction,
): Promise<ImageSource> {
  const image = await findImageByHash(db, scope, imageSha256);
  const bytes = async (): Promise<Uint8Array> => {
    if (image) return imageBytes(store, image);
    throw new AppError(
      "image_handle_unknown",
      "The image of the earlier prediction is neither stored nor kept.",
    );
  };
  return { sha256: imageSha256, bytes };
}
