import { getPrediction } from "../db/queries/predictions.ts";
import type { Project } from "../db/queries/projects.ts";
import type { LoggedPrompt } from "../domain/prompts.ts";
import type { RleMask, WireMask } from "../imaging/types.ts";
import type { Prompt } from "../inference/types.ts";
import { AppError } from "../lib/errors.ts";
import { type AskedPrompt, isSought, namedBy } from "./asked-prompt.ts";
import { lowResOf } from "./earlier-masks.ts";
import type { FoundImage } from "./find-image.ts";
import type { ActionContext } from "./context.ts";

/**
 * Prompts as inference takes them, and as the log keeps them: the same, but for masks that came as logits. What is to
 * be found is in the log alone.
 */
export interface ReadPrompts {
  readonly asked: Prompt[];
  /** Place of each in the request. */
  readonly places: number[];
  readonly logged: LoggedPrompt[];
}

/**
 * Reads the prompts' masks: references are looked up, other masks checked and brought to RLE.
 * Throws what readMask throws, and AppError body_too_large, prediction_not_found, prediction_image_mismatch, prediction_mask_unknown,
 * prediction_not_repeatable (params `prompts[0].mask`, ...).
 */
export async function readPrompts(
  context: ActionContext,
  project: Project,
  prompts: readonly AskedPrompt[],
  image: FoundImage,
): Promise<ReadPrompts> {
  checkDrawn(prompts, image);
  const read: ReadPrompts = { asked: [], places: [], logged: [] };
  for (const [i, prompt] of prompts.entries()) {
    if (isSought(prompt)) {
      read.logged.push(soughtAs(prompt));
      continue;
    }
    const { mask, box, points } = prompt;
    const rest = { ...(box && { box }), ...(points && { points }) };
    read.places.push(i);
    if (mask === undefined) {
      read.asked.push(rest);
      read.logged.push(rest);
      continue;
    }
    try {
      const [asked, logged] = await readMaskPrompt(context, project, mask, image);
      read.asked.push({ ...rest, mask: asked });
      read.logged.push({ ...rest, mask: logged });
    } catch (error) {
      throw error instanceof AppError ? error.within(`prompts[${i}]`) : error;
    }
  }
  return read;
}

/** What is to be found, as the log keeps it. */
function soughtAs(prompt: AskedPrompt): LoggedPrompt {
  const { box, exclude, like } = prompt;
  const name = namedBy(prompt)?.name;
  return {
    ...(name !== undefined && { label: name }),
    ...(prompt.region && { region: true as const }),
    ...(like?.annotation !== undefined && { like: { annotation: like.annotation } }),
    ...(like?.annotations && { like: { annotations: [...like.annotations] } }),
    ...(like?.box && { like: { box: like.box } }),
    ...(box && { box }),
    ...(exclude && { exclude }),
  };
}

/** Pixels at most of all masks of one request that come as PNG, and are drawn: five of an image of 8000 x 8000. */
const mostDrawn = 5 * 64_000_000;

/** Throws AppError body_too_large. */
function checkDrawn(prompts: readonly AskedPrompt[], { size: [height, width] }: FoundImage): void {
  const drawn = prompts.filter(({ mask }) => mask?.format === "png").length;
  const most = Math.max(1, Math.floor(mostDrawn / (height * width)));
  if (drawn <= most) return;
  const message = `prompts: ${drawn} masks as PNG; at most ${most} of an image of ${width} x ${height} are read at a time. Send run lengths (format rle).`;
  throw new AppError("body_too_large", message, { param: "prompts" });
}

async function readMaskPrompt(
  context: ActionContext,
  project: Project,
  mask: NonNullable<AskedPrompt["mask"]>,
  image: FoundImage,
): Promise<[WireMask, NonNullable<LoggedPrompt["mask"]> | null]> {
  if (mask.format === "logits") return [mask, null];
  if (mask.format !== "prediction") {
    const { counts } = await context.masks.keep({ wire: mask, size: image.size }, project.workspaceId);
    const rle: RleMask = { format: "rle", size: [image.size[0], image.size[1]], counts };
    return [rle, rle];
  }
  const scope = { workspaceId: project.workspaceId, projectId: project.id };
  const row = await getPrediction(context.db, scope, mask.id, "mask.id");
  if (row.imageSha256 !== image.source.sha256) {
    const message = `mask.id: ${mask.id} was a prediction on another image.`;
    throw new AppError("prediction_image_mismatch", message, { param: "mask.id" });
  }
  const version =
    mask.version === undefined ? (row.versions[0] as number) : mask.version === "base" ? 0 : mask.version;
  const place = { version, prompt: mask.prompt, mask: mask.mask };
  try {
    const logits = await lowResOf(context, project, row, place);
    return [logits, { format: "prediction", id: mask.id, ...place }];
  } catch (error) {
    throw error instanceof AppError ? new AppError(error.code, error.message, { param: "mask" }) : error;
  }
}
