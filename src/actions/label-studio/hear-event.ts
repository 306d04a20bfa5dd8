import { deleteOfAnnotations } from "../../db/queries/linked-annotations.ts";
import { AppError } from "../../lib/errors.ts";
import type { ActionContext, Ask } from "../context.ts";
import { joinFineTune } from "../start-fine-tune.ts";
import { type AskedSave, type LeftOut, type SavedAnnotation, saveAnnotation } from "./save-annotation.ts";

/** Annotations of a project of Label Studio's that say nothing any more. */
interface Gone {
  readonly project: string;
  readonly ids: readonly string[];
}

/** What Label Studio's webhooks tell, as far as it concerns us. */
export type StudioEvent =
  /** `skipped`: those that a person has cancelled. */
  | { readonly kind: "saved"; readonly annotations: readonly AskedSave[]; readonly skipped: Gone }
  | { readonly kind: "deleted"; readonly gone: Gone }
  | { readonly kind: "train" };

export type HeardEvent =
  /** `refused`: regions of annotations that were refused among several, by why. */
  | { readonly saved: readonly SavedAnnotation[]; readonly refused: LeftOut; readonly deleted: number }
  | { readonly deleted: number }
  | { readonly fineTuneId: string };

/**
 * Keeps our annotations as they are there, or starts a fine-tune; one that is under way already is as good. What is wrong
 * with an annotation among several takes nothing from the others.
 * Throws what joinFineTune throws, and what saveAnnotation throws of a single one.
 */
export async function hearEvent(
  context: ActionContext,
  { scope }: Ask,
  event: StudioEvent,
): Promise<HeardEvent> {
  if (event.kind === "deleted") return { deleted: await deleteOfAnnotations(context.db, scope, event.gone) };
  if (event.kind === "saved") {
    const saved: SavedAnnotation[] = [];
    const refused: Record<string, number> = {};
    for (const annotation of event.annotations) {
      try {
        saved.push(await saveAnnotation(context, scope, annotation));
      } catch (error) {
        const code = error instanceof AppError && error.status < 500 ? error.code : null;
        if (code === null || event.annotations.length === 1) throw error;
        refused[code] = (refused[code] ?? 0) + Math.max(1, annotation.result.length);
      }
    }
    return { saved, refused, deleted: await deleteOfAnnotations(context.db, scope, event.skipped) };
  }
  const asked = { hyperparameters: {}, baseVersion: null, seed: 0 };
  return { fineTuneId: (await joinFineTune(context, scope, asked)).id };
}
