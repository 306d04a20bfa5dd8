import { findOpenFineTune } from "../../db/queries/fine-tunes.ts";
import type { Origin } from "../../db/queries/linked-annotations.ts";
import type { ActionContext, Ask } from "../context.ts";
import { startFineTune } from "../start-fine-tune.ts";
import {
  type AskedSave,
  forgetAnnotations,
  type SavedAnnotation,
  saveAnnotation,
} from "./save-annotation.ts";

/** What Label Studio's webhooks tell, as far as it concerns us. */
export type StudioEvent =
  /** `skipped`: those that a person has cancelled, which say nothing any more. */
  | {
      readonly kind: "saved";
      readonly annotations: readonly AskedSave[];
      readonly skipped: readonly Origin[];
    }
  | { readonly kind: "deleted"; readonly origins: readonly Pick<Origin, "project" | "annotation">[] }
  | { readonly kind: "train" };

export type HeardEvent =
  | { readonly saved: readonly SavedAnnotation[]; readonly deleted: number }
  | { readonly deleted: number }
  | { readonly fineTuneId: string };

/**
 * Keeps our annotations as they are there, or starts a fine-tune; one that is under way already is as good.
 * Throws what saveAnnotation and startFineTune throw.
 */
export async function hearEvent(
  context: ActionContext,
  { scope }: Ask,
  event: StudioEvent,
): Promise<HeardEvent> {
  if (event.kind === "deleted") return { deleted: await forgetAnnotations(context, scope, event.origins) };
  if (event.kind === "saved") {
    const saved: SavedAnnotation[] = [];
    for (const annotation of event.annotations) saved.push(await saveAnnotation(context, scope, annotation));
    return { saved, deleted: await forgetAnnotations(context, scope, event.skipped) };
  }
  const open = await findOpenFineTune(context.db, scope);
  const asked = { hyperparameters: {}, baseVersion: null, seed: 0 };
  return { fineTuneId: (open ?? (await startFineTune(context, scope, asked))).id };
}
