import type { Executor } from "../db/client.ts";
import { countAnnotatedImages } from "../db/queries/annotations.ts";
import { findOpenFineTune, type FineTune, holdFineTunes, insertFineTune } from "../db/queries/fine-tunes.ts";
import { isImporting } from "../db/queries/imports.ts";
import { holdProject } from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { requireTrainingTime } from "../db/queries/usage.ts";
import { getVersion } from "../db/queries/versions.ts";
import { fewestAnnotatedImages, type Hyperparameters } from "../domain/hyperparameters.ts";
import { AppError } from "../lib/errors.ts";
import { newId } from "../lib/ids.ts";
import type { ActionContext } from "./context.ts";
import { quotasOf } from "./quotas.ts";

export interface AskedFineTune {
  readonly hyperparameters: Hyperparameters;
  /** The version to start from; null starts from the base. */
  readonly baseVersion: number | null;
  readonly seed: number;
}

/**
 * Queues a fine-tune, which a trainer claims. Throws AppError project_not_found, version_not_found (param `base_version`),
 * not_enough_annotations, quota_exceeded.
 */
export async function startFineTune(
  context: ActionContext,
  scope: ProjectScope,
  asked: AskedFineTune,
): Promise<FineTune> {
  const row = await context.db.transaction(async (tx) => queue(tx, context, scope, asked));
  context.metrics.fineTunesCreated.inc();
  return row;
}

/**
 * The project's fine-tune that is under way, else a new one; of several calls at once one alone queues it.
 * Throws what startFineTune throws.
 */
export async function joinFineTune(
  context: ActionContext,
  scope: ProjectScope,
  asked: AskedFineTune,
): Promise<FineTune> {
  const { row, isNew } = await context.db.transaction(async (tx) => {
    await holdFineTunes(tx, scope);
    const open = await findOpenFineTune(tx, scope);
    return open ? { row: open, isNew: false } : { row: await queue(tx, context, scope, asked), isNew: true };
  });
  if (isNew) context.metrics.fineTunesCreated.inc();
  return row;
}

async function queue(
  tx: Executor,
  { config }: Pick<ActionContext, "config">,
  scope: ProjectScope,
  asked: AskedFineTune,
): Promise<FineTune> {
  await holdProject(tx, scope);
  if (asked.baseVersion !== null) await getVersion(tx, scope, asked.baseVersion, "base_version");
  await requireEnough(tx, scope);
  await requireTrainingTime(tx, scope.workspaceId, quotasOf(config));
  return insertFineTune(tx, { ...scope, id: newId("ft"), ...asked });
}

async function requireEnough(db: Executor, scope: ProjectScope): Promise<void> {
  const annotated = await countAnnotatedImages(db, scope);
  if (annotated >= fewestAnnotatedImages) return;
  const missing = fewestAnnotatedImages - annotated;
  const have = annotated === 1 ? "1 annotated image" : `${annotated} annotated images`;
  const advice = (await isImporting(db, scope))
    ? "An import is under way: wait until it has ended."
    : `Annotate ${missing} more ${missing === 1 ? "image" : "images"}.`;
  throw new AppError(
    "not_enough_annotations",
    `This project has ${have}; a fine-tune needs at least ${fewestAnnotatedImages}. ${advice}`,
  );
}
