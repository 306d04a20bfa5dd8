import type { Executor } from "../../db/client.ts";
import { insertAnnotation } from "../../db/queries/annotations.ts";
import { holdImage } from "../../db/queries/images.ts";
import {
  deleteOfTask,
  holdTask,
  originText,
  type Origin,
  savedAtOfTask,
} from "../../db/queries/linked-annotations.ts";
import type { ProjectScope } from "../../db/queries/scope.ts";
import { drawnBy } from "../../datasets/formats/label-studio.ts";
import { wireOf } from "../../datasets/wire-shape.ts";
import { AppError } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import type { ReadMask } from "../../inference/workers/masks.ts";
import type { ActionContext } from "../context.ts";
import { imageOfTask } from "./task-image.ts";
import { readLabellingConfig } from "./labelling-config.ts";

/** Regions that became no annotation, by why: `box_only` for rectangles, `mask_empty`, `outdated`, ... */
export type LeftOut = Readonly<Record<string, number>>;

export interface SavedAnnotation {
  readonly imageId: string;
  readonly annotations: number;
  readonly replaced: number;
  readonly leftOut: LeftOut;
}

export interface AskedSave {
  readonly origin: Origin;
  readonly labelConfig: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Regions of the annotation. */
  readonly result: readonly unknown[];
}

/**
 * Puts an annotation that was saved in Label Studio in the place of what was said of its task before, as an import of its
 * export does: of several annotations of a task the last one counts, also where another message of it came sooner. What
 * can't be read of it is counted.
 * Throws what readLabellingConfig, imageOfTask and MaskReader.keep throw, the latter for memory alone.
 */
export async function saveAnnotation(
  context: ActionContext,
  scope: ProjectScope,
  { origin, labelConfig, data, result }: AskedSave,
): Promise<SavedAnnotation> {
  const [control] = readLabellingConfig(labelConfig, "project.label_config");
  const image = await imageOfTask(context.db, scope, data, { key: control.imageKey, param: "task.data" });
  const frame = { width: image.width, height: image.height };
  const leftOut: Record<string, number> = {};
  const leave = (code: string): void => {
    leftOut[code] = (leftOut[code] ?? 0) + 1;
  };
  const ours = result.filter((one) => isOn(one, control.toName));
  const drawn = drawnBy(ours, "the annotation");
  for (let n = ours.length; n < result.length; n++) leave("other_image");
  for (let n = drawn.results.length; n < ours.length; n++) leave("object_invalid");
  const rows: { kept: ReadMask; label: string | null }[] = [];
  for (const { shape, label, leave: why } of isOf(frame, drawn.results) ? drawn.objects : []) {
    const wire = shape && wireOf(shape, frame);
    if (!wire) leave(why ?? "shape_unsupported");
    else {
      const kept = await keptOf(context, { wire, frame, by: scope.workspaceId });
      if (typeof kept === "string") leave(kept);
      else rows.push({ kept, label });
    }
  }
  if (!isOf(frame, drawn.results)) for (const _ of drawn.objects) leave("mask_size_mismatch");
  const replaced = await context.db.transaction(async (tx) => {
    await holdTask(tx, scope, origin);
    if ((await savedAtOfTask(tx, scope, origin)) > origin.savedAt) return null;
    await holdImage(tx, scope, image.id);
    const before = await deleteOfTask(tx, scope, origin);
    for (const row of rows)
      await insert(tx, scope, { ...row, imageId: image.id, origin: originText(origin) });
    return before;
  });
  if (replaced === null)
    return { imageId: image.id, annotations: 0, replaced: 0, leftOut: { outdated: result.length } };
  return { imageId: image.id, annotations: rows.length, replaced, leftOut };
}

/** Whether a result belongs to the tag of this name, as far as it says so; an interface may show several images. */
const isOn = (result: unknown, toName: string): boolean => {
  const { to_name: to } = (result ?? {}) as { to_name?: unknown };
  return typeof to !== "string" || to === toName;
};

/** Whether results were drawn on an image of this size. */
const isOf = (
  { width, height }: { width: number; height: number },
  results: ReturnType<typeof drawnBy>["results"],
): boolean =>
  results.every(
    (one) => (one.original_width ?? width) === width && (one.original_height ?? height) === height,
  );

type Wire = NonNullable<ReturnType<typeof wireOf>>;

/** The mask, or the code of what is wrong with it. */
async function keptOf(
  { masks }: ActionContext,
  { wire, frame, by }: { wire: Wire; frame: { width: number; height: number }; by: string },
): Promise<ReadMask | string> {
  try {
    return await masks.keep({ wire, size: [frame.height, frame.width] }, by);
  } catch (error) {
    if (error instanceof AppError && error.code.startsWith("mask_")) return error.code;
    throw error;
  }
}

async function insert(
  tx: Executor,
  scope: ProjectScope,
  { kept, ...row }: { kept: ReadMask; label: string | null; imageId: string; origin: string },
): Promise<void> {
  const { counts, area, box } = kept;
  const [x0, y0, x1, y1] = box;
  await insertAnnotation(tx, {
    ...scope,
    ...row,
    id: newId("ann"),
    counts,
    area,
    box: [x0, y0, x1, y1],
    source: "api",
  });
}
