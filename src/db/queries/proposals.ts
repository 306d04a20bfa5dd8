import { and, desc, eq, getTableColumns, inArray, type SQL, sql } from "../drizzle.ts";
import type { ProposalStatus } from "../../domain/auto-label.ts";
import { AppError } from "../../lib/errors.ts";
import type { Executor } from "../client.ts";
import { images, proposals } from "../schema/index.ts";
import { behind, cutByBytes, type Page, type Place, type PlannedPage } from "./page.ts";
import { inProject, type ProjectScope } from "./scope.ts";

type Row = typeof proposals.$inferSelect;
/** With the size of its image, which its RLE needs. */
export type Proposal = Row & { width: number; height: number };
export type NewProposal = Omit<
  typeof proposals.$inferInsert,
  "workspaceId" | "projectId" | "createdAt" | "status" | "annotationId" | "decidedBy" | "decidedAt"
>;

/** Masks of one statement, which may be large. */
const rowsPerStatement = 100;

export async function insertProposals(
  tx: Executor,
  { workspaceId, projectId }: ProjectScope,
  rows: readonly NewProposal[],
): Promise<void> {
  for (let from = 0; from < rows.length; from += rowsPerStatement) {
    const some = rows.slice(from, from + rowsPerStatement);
    await tx.insert(proposals).values(some.map((row) => ({ ...row, workspaceId, projectId })));
  }
}

/** Those of an image that nobody has decided on: others take their place. */
export async function deletePendingProposals(
  tx: Executor,
  scope: ProjectScope,
  imageId: string,
): Promise<void> {
  await tx
    .delete(proposals)
    .where(and(inProject(proposals, scope), eq(proposals.imageId, imageId), eq(proposals.status, "pending")));
}

const select = (db: Executor) =>
  db
    .select({ proposal: proposals, width: images.width, height: images.height })
    .from(proposals)
    .innerJoin(images, eq(images.id, proposals.imageId));

const flat = (row: { proposal: Row; width: number; height: number }): Proposal => ({
  ...row.proposal,
  width: row.width,
  height: row.height,
});

export const proposalNotFound = (id: string, param = "proposal_id"): AppError =>
  new AppError("proposal_not_found", `There is no proposal ${id} in this project.`, { param });

/** Throws AppError proposal_not_found. */
export async function getProposal(db: Executor, scope: ProjectScope, id: string): Promise<Proposal> {
  const [row] = await select(db).where(and(inProject(proposals, scope), eq(proposals.id, id)));
  if (!row) throw proposalNotFound(id);
  return flat(row);
}

/** Newest first, or those first that are most surely objects. */
export type ProposalOrder =
  | { readonly by: "newest"; readonly after?: Place | undefined }
  | { readonly by: "score"; readonly after?: { labelScore: number; id: string } | undefined };

export interface ProposalPage {
  readonly limit: number;
  readonly order: ProposalOrder;
  readonly status?: ProposalStatus | undefined;
  readonly imageId?: string | undefined;
  readonly autoLabelId?: string | undefined;
  readonly label?: string | undefined;
}

const sorted = ({ by }: ProposalOrder): SQL[] => [
  desc(by === "score" ? proposals.labelScore : proposals.createdAt),
  desc(proposals.id),
];

function behindIn(order: ProposalOrder): SQL | undefined {
  if (order.by === "newest") return behind(proposals, order.after);
  if (!order.after) return undefined;
  const { labelScore, id } = order.after;
  return sql`(${proposals.labelScore}, ${proposals.id}) < (${labelScore}::float8, ${id})`;
}

/** The proposals of a page: as many as were asked for, or as few as have `maxPageBytes` of masks. */
export async function planProposals(
  db: Executor,
  scope: ProjectScope,
  { limit, order, status, imageId, autoLabelId, label }: ProposalPage,
): Promise<PlannedPage> {
  const rows = await db
    .select({ id: proposals.id, bytes: sql<number>`octet_length(${proposals.counts})` })
    .from(proposals)
    .where(
      and(
        inProject(proposals, scope),
        status && eq(proposals.status, status),
        imageId === undefined ? undefined : eq(proposals.imageId, imageId),
        autoLabelId === undefined ? undefined : eq(proposals.autoLabelId, autoLabelId),
        label === undefined ? undefined : eq(proposals.label, label),
        behindIn(order),
      ),
    )
    .orderBy(...sorted(order))
    .limit(limit + 1);
  return cutByBytes(rows, limit);
}

/** The rows of a planned page that are still there. */
export async function readProposals(
  db: Executor,
  scope: ProjectScope,
  { ids, hasMore }: PlannedPage,
  order: ProposalOrder,
): Promise<Page<Proposal>> {
  if (ids.length === 0) return { rows: [], hasMore };
  const rows = await select(db)
    .where(and(inProject(proposals, scope), inArray(proposals.id, [...ids])))
    .orderBy(...sorted(order));
  return { rows: rows.map(flat), hasMore };
}

/** What is decided on, without its mask. */
export type LockedProposal = Pick<Row, "id" | "imageId" | "status" | "label" | "annotationId">;

/**
 * Holds proposals until the transaction ends, after their images, as whoever deletes an image goes; in the order of `ids`.
 * Throws AppError proposal_not_found, its param by `paramOf`.
 */
export async function lockProposals(
  tx: Executor,
  scope: ProjectScope,
  ids: readonly string[],
  paramOf: (place: number) => string,
): Promise<LockedProposal[]> {
  const mine = and(inProject(proposals, scope), inArray(proposals.id, [...ids]));
  const of = tx.select({ id: proposals.imageId }).from(proposals).where(mine);
  await tx
    .select({ id: images.id })
    .from(images)
    .where(inArray(images.id, of))
    .orderBy(images.id)
    .for("key share");
  const { id, imageId, status, label, annotationId } = getTableColumns(proposals);
  const rows = await tx
    .select({ id, imageId, status, label, annotationId })
    .from(proposals)
    .where(mine)
    .orderBy(proposals.id)
    .for("update");
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.map((one, place) => {
    const row = byId.get(one);
    if (!row) throw proposalNotFound(one, paramOf(place));
    return row;
  });
}
