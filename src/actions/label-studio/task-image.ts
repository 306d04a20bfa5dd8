import { decode } from "hono/jwt";
import { baseNamesMeant, bestFitting } from "../../datasets/find-image.ts";
import { getImage, type Image } from "../../db/queries/images.ts";
import { findImageByKey, selectImagesByName } from "../../db/queries/named-images.ts";
import type { Executor } from "../../db/client.ts";
import type { ProjectScope } from "../../db/queries/scope.ts";
import { AppError } from "../../lib/errors.ts";
import { isStorable } from "../../lib/text.ts";

/** Images of one name from which on none of them is chosen. */
const mostOfName = 100;

/**
 * The project's image that a task's data means. Nothing is fetched: it was uploaded to the project before, and is known by
 * `maskwright_id` (as exports write it), by a link of this API, or by its file's name, whatever server, folder or upload
 * prefix stands before it. `key`: of the data, where the labelling interface looks for its image. `param` is what the data
 * is called in the request. Throws AppError image_not_found.
 */
export async function imageOfTask(
  db: Executor,
  scope: ProjectScope,
  data: Readonly<Record<string, unknown>>,
  { key, param }: { key: string; param: string },
): Promise<Image> {
  const id = data["maskwright_id"];
  if (typeof id === "string") {
    const at = `${param}.maskwright_id`;
    if (!isStorable(id)) throw new AppError("image_not_found", `${at}: no id.`, { param: at });
    return getImage(db, scope, id.slice(0, 100)).catch(told(at));
  }
  const at = `${param}.${key}`;
  const given = data[key];
  if (typeof given !== "string" || given === "")
    throw new AppError("image_not_found", `${at}: the task's data names no image.`, { param: at });
  if (given.startsWith("data:"))
    throw new AppError("image_not_found", `${at}: upload the image to the project, and name it here.`, {
      param: at,
    });
  const linked = objectKeyOf(given);
  const image = linked === null || !isStorable(linked) ? undefined : await findImageByKey(db, scope, linked);
  return image ?? imageByName(db, scope, given.slice(0, 4000), at);
}

/** Throws AppError image_not_found. */
async function imageByName(db: Executor, scope: ProjectScope, given: string, param: string): Promise<Image> {
  const name = given.slice(0, 200);
  for (const base of baseNamesMeant(given).filter(isStorable)) {
    const found = await selectImagesByName(db, scope, [base], mostOfName);
    if (found.length === 0) continue;
    const paths = bestFitting(
      found.map(({ fileName }) => fileName ?? ""),
      given,
    );
    const best = found.filter(({ fileName }) => paths.includes(fileName ?? ""));
    // Among those that were not looked at may be one that fits better.
    const isAll = found.length < mostOfName;
    if (isAll && best.length === 1) return best[0] as Image;
    const count = isAll ? best.length : `${mostOfName} or more`;
    const message = `${param}: ${count} images of this project may be meant by ${name}; give maskwright_id in the task's data.`;
    throw new AppError("image_not_found", message, { param });
  }
  const message = `${param}: no image of this project is called so: ${name}. Upload it to the project first; nothing is fetched from a URL.`;
  throw new AppError("image_not_found", message, { param });
}

/**
 * The key of the object that a link of this API is to. Its signature is not asked for, nor whether its time is over: the
 * caller may see every image of the project, and only there the key is looked for.
 */
function objectKeyOf(url: string): string | null {
  const token = /\/v1\/links\/([\w.-]{1,4000})$/.exec(url)?.[1];
  if (token === undefined) return /\/(projects\/\w+\/images\/[0-9a-f]{64})(?:\?|$)/.exec(url)?.[1] ?? null;
  try {
    const { key } = decode(token).payload as { key?: unknown };
    return typeof key === "string" ? key : null;
  } catch {
    return null;
  }
}

const told =
  (param: string) =>
  (error: unknown): never => {
    if (error instanceof AppError && error.code === "image_not_found")
      throw new AppError("image_not_found", `${param}: ${error.message}`, { param });
    throw error;
  };
