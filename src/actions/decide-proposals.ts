import type { Executor } from "../db/client.ts";
import { getAnnotation } from "../db/queries/annotations.ts";
import { acceptProposals, type Corrected, rejectProposals } from "../db/queries/decide-proposals.ts";
import { holdProject } from "../db/queries/projects.ts";
import { getProposal, type LockedProposal, lockProposals, type Proposal } from "../db/queries/proposals.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import type { WireMask } from "../imaging/types.ts";
import { AppError } from "../lib/errors.ts";
import { newId } from "../lib/ids.ts";
import type { ActionContext, Ask } from "./context.ts";

/** What a proposal should have been; what is left out is right. */
export interface AskedCorrection {
  readonly mask?: WireMask | undefined;
  /** Null stands for none. */
  readonly label?: string | null | undefined;
}

/**
 * Makes an annotation of a proposal, whatever was decided before; one that is accepted already stays as it is.
 * Throws AppError proposal_not_found, proposal_decided where it was accepted as something else, and what MaskReader.keep
 * throws.
 */
export async function acceptProposal(
  { db, masks }: ActionContext,
  { scope, actor }: Ask,
  id: string,
  { mask, label }: AskedCorrection,
): Promise<Proposal> {
  const proposed = await getProposal(db, scope, id);
  const kept = mask
    ? await masks.keep({ wire: mask, size: [proposed.height, proposed.width] }, scope.workspaceId)
    : proposed;
  const asked: Corrected = {
    counts: kept.counts,
    area: kept.area,
    box: kept.box,
    label: label === undefined ? proposed.label : label,
  };
  const corrected = isSame(asked, proposed) ? undefined : asked;
  await db.transaction(async (tx) => {
    await holdProject(tx, scope);
    const [row] = (await lockProposals(tx, scope, [id], () => "proposal_id")) as [LockedProposal];
    const { status, annotationId } = row;
    if (status !== "accepted" || annotationId === null)
      return acceptProposals(tx, scope, toMake([row]), { actor, corrected });
    // Sent once more, it says nothing new; without a correction it only asks that it be accepted.
    const asks = mask !== undefined || label !== undefined;
    if (asks && !isSame(asked, await getAnnotation(tx, scope, annotationId)))
      throw new AppError(
        "proposal_decided",
        "The proposal was accepted as something else. Reject it first: that takes its annotation back.",
        { param: "proposal_id" },
      );
  });
  return getProposal(db, scope, id);
}

/** Takes back the annotation that it had become, if any. Throws AppError proposal_not_found. */
export async function rejectProposal({ db }: ActionContext, ask: Ask, id: string): Promise<Proposal> {
  await db.transaction((tx) => decideAll(tx, ask, { action: "reject", ids: [id] }, () => "proposal_id"));
  return getProposal(db, ask.scope, id);
}

export interface AskedDecisions {
  readonly action: "accept" | "reject";
  readonly ids: readonly string[];
}

/** Decides on all of them or, where one is not there, on none. Throws AppError proposal_not_found. */
export async function decideProposals(
  { db }: ActionContext,
  ask: Ask,
  asked: AskedDecisions,
): Promise<LockedProposal[]> {
  const ids = [...new Set(asked.ids)];
  const paramOf = (place: number): string => `ids[${asked.ids.indexOf(ids[place] as string)}]`;
  return db.transaction((tx) => decideAll(tx, ask, { ...asked, ids }, paramOf));
}

/** As they are then. */
async function decideAll(
  tx: Executor,
  { scope, actor }: { readonly scope: ProjectScope; readonly actor: string },
  { action, ids }: AskedDecisions,
  paramOf: (place: number) => string,
): Promise<LockedProposal[]> {
  await holdProject(tx, scope);
  const rows = await lockProposals(tx, scope, ids, paramOf);
  if (action === "accept") {
    const open = rows.filter(({ status, annotationId }) => status !== "accepted" || annotationId === null);
    await acceptProposals(tx, scope, toMake(open), { actor });
  } else {
    const open = rows.filter(({ status }) => status !== "rejected");
    await rejectProposals(tx, scope, open, actor);
  }
  return lockProposals(tx, scope, ids, paramOf);
}

const toMake = (rows: readonly LockedProposal[]): { annotation: string; proposal: string }[] =>
  rows.map(({ id }) => ({ annotation: newId("ann"), proposal: id }));

const isSame = (
  one: Pick<Corrected, "counts" | "label">,
  other: Pick<Corrected, "counts" | "label">,
): boolean => one.counts === other.counts && one.label === other.label;
