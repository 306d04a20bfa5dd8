import { and, desc, eq, sql } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { annotations, feedback } from "../schema/index.ts";
import { behind, cut, type Page, type PageRequest } from "./page.ts";
import { inProject, type ProjectScope } from "./scope.ts";

export type Feedback = typeof feedback.$inferSelect;

/** The insert is the event: of a correction, a trigger may start a fine-tune. */
export async function insertFeedback(
  tx: Executor,
  row: typeof feedback.$inferInsert & { id: string },
): Promise<Feedback> {
  const [inserted] = await tx.insert(feedback).values(row).returning();
  return inserted as Feedback;
}

/**
 * Takes back what was said of the same prompt before, or of one mask of it alone, and the annotation that it became. Until
 * the transaction ends nobody else says anything of this prediction.
 */
export async function withdrawFeedback(
  tx: Executor,
  scope: ProjectScope,
  said: {
    predictionId: string;
    promptIndex: number;
    mask?: { version: number; maskIndex: number } | undefined;
  },
): Promise<void> {
  const { predictionId, promptIndex, mask } = said;
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`feedback:${predictionId}`}, 0))`);
  const [old] = await tx
    .delete(feedback)
    .where(
      and(
        inProject(feedback, scope),
        eq(feedback.predictionId, predictionId),
        eq(feedback.promptIndex, promptIndex),
        mask && eq(feedback.version, mask.version),
        mask && eq(feedback.maskIndex, mask.maskIndex),
      ),
    )
    .returning({ annotationId: feedback.annotationId });
  if (!old?.annotationId) return;
  await tx
    .delete(annotations)
    .where(and(inProject(annotations, scope), eq(annotations.id, old.annotationId)));
}

export async function listFeedback(
  db: Executor,
  scope: ProjectScope,
  page: PageRequest & { predictionId?: string | undefined },
): Promise<Page<Feedback>> {
  const ofPrediction =
    page.predictionId === undefined ? undefined : eq(feedback.predictionId, page.predictionId);
  const rows = await db
    .select()
    .from(feedback)
    .where(and(inProject(feedback, scope), ofPrediction, behind(feedback, page.after)))
    .orderBy(desc(feedback.createdAt), desc(feedback.id))
    .limit(page.limit + 1);
  return cut(rows, page.limit);
}
