import { and, inArray, sql } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { annotations, proposals } from "../schema/index.ts";
import { inProject, type ProjectScope } from "./scope.ts";

/** What a proposal became where somebody knew better. */
export interface Corrected {
  readonly counts: string;
  readonly area: number;
  readonly box: readonly [number, number, number, number];
  readonly label: string | null;
}

/**
 * Makes annotations of proposals that the transaction holds, with their lineage; masks never leave the database.
 * @param made the id of each new annotation, and of its proposal
 * @param corrected the mask and label of the only one; left out, as they were proposed
 */
export async function acceptProposals(
  tx: Executor,
  { workspaceId, projectId }: ProjectScope,
  made: readonly { readonly annotation: string; readonly proposal: string }[],
  { actor, corrected }: { readonly actor: string; readonly corrected?: Corrected | undefined },
): Promise<void> {
  if (made.length === 0) return;
  const pairs = sql`jsonb_to_recordset(${JSON.stringify(made)}::jsonb) as made(annotation text, proposal text)`;
  const mask = corrected
    ? sql`${corrected.counts}::text, ${corrected.area}::int, ${JSON.stringify(corrected.box)}::jsonb, ${corrected.label}::text`
    : sql`p.counts, p.area, p.box, p.label`;
  await tx.execute(sql`
    insert into annotations (id, workspace_id, project_id, image_id, counts, area, box, label, source, lineage)
    select made.annotation, p.workspace_id, p.project_id, p.image_id, ${mask}, 'proposal',
      jsonb_build_object('action', ${corrected ? "correct" : "accept"}::text, 'proposalId', p.id,
        'version', p.version, 'prompt', jsonb_build_object('box', p.prompt))
    from ${pairs} join proposals p on p.id = made.proposal
    where p.project_id = ${projectId} and p.workspace_id = ${workspaceId}`);
  await tx.execute(sql`
    update proposals p set status = 'accepted', annotation_id = made.annotation, decided_by = ${actor},
      decided_at = now()
    from ${pairs} where p.id = made.proposal and p.project_id = ${projectId} and p.workspace_id = ${workspaceId}`);
}

/** Also takes back the annotations that they had become. */
export async function rejectProposals(
  tx: Executor,
  scope: ProjectScope,
  rows: readonly { readonly id: string; readonly annotationId: string | null }[],
  actor: string,
): Promise<void> {
  if (rows.length === 0) return;
  const ids = rows.map(({ id }) => id);
  await tx
    .update(proposals)
    .set({ status: "rejected", annotationId: null, decidedBy: actor, decidedAt: sql`now()` })
    .where(and(inProject(proposals, scope), inArray(proposals.id, ids)));
  const had = rows.flatMap(({ annotationId }) => annotationId ?? []);
  if (had.length === 0) return;
  await tx.delete(annotations).where(and(inProject(annotations, scope), inArray(annotations.id, had)));
}
