import type { Project } from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { markOf, selectVectors, selectWaiting, type Waiting } from "../db/queries/worth.ts";
import { fromBytes, vectorLength } from "../imaging/worth/image-vector.ts";
import type { Ranked } from "../imaging/worth/rank-images.ts";
import { KeptLoads } from "../lib/kept-loads.ts";
import { resolveVersions } from "./asked-versions.ts";
import type { ActionContext } from "./context.ts";

/** Images that are listed and compared, the newest; and places that are given. More would take minutes. */
export const [mostListed, mostCompared, mostLabelled, mostRanked] = [10_000, 4000, 2000, 200] as const;

/** What labelling an image would teach. */
export interface Worth {
  /** From 1, the best; null for images that are not ranked. */
  readonly rank: number | null;
  readonly reasons: readonly WorthReason[];
  /** As Ranked has them; null for images that are not ranked, too. */
  readonly distance: number | null;
  readonly doubt: number | null;
  /** The image that shows the same; null also where that one is labelled. */
  readonly duplicateOf: string | null;
}

/** Why an image stands where it does, the weightiest first. */
export const worthReasons = [
  "in_the_middle",
  "unlike_others",
  "finder_unsure",
  "near_duplicate",
  "not_embedded",
  "beyond_ranking",
] as const;
export type WorthReason = (typeof worthReasons)[number];

/** One image in the order of worth. */
export interface Weighed {
  readonly id: string;
  readonly worth: Worth;
}

/** Orders that this process has made, by all that went into them, so that the next page, or another caller, costs little. */
const kept = new KeptLoads<readonly Weighed[]>(64);

type Context = Pick<ActionContext, "db" | "inference" | "known">;

/**
 * Images of a project that wait for labels, those first that would teach most; behind them, newest first, what is not ranked.
 * Bounded by `mostListed`, `mostCompared`, `mostLabelled` and `mostRanked`; the comparison runs in a worker. The finder of the live version
 * is heard on images that it has looked at. Throws AppError version_not_found, base_model_unknown.
 */
export async function inOrderOfWorth(
  { db, inference, known }: Context,
  scope: ProjectScope,
  project: Project,
): Promise<readonly Weighed[]> {
  const { embeddingId } = await inference.baseModel(project.baseModel);
  const [live] = await resolveVersions({ db, known }, scope, project, "active");
  const by = { embeddingId, finderSha256: live?.finder?.sha256 ?? null };
  const key = [scope.projectId, embeddingId, by.finderSha256, await markOf(db, scope, by)].join();
  return kept.get(key, async () => weighAll({ db, inference }, scope, by));
}

async function weighAll(
  { db, inference }: Pick<Context, "db" | "inference">,
  scope: ProjectScope,
  by: { embeddingId: string; finderSha256: string | null },
): Promise<readonly Weighed[]> {
  const { embeddingId } = by;
  const waiting = await selectWaiting(db, scope, { ...by, most: mostListed });
  const labelled = await selectVectors(db, scope, { embeddingId, labelled: true, most: mostLabelled });
  const compared = await selectVectors(db, scope, { embeddingId, labelled: false, most: mostCompared });
  const byId = new Map(waiting.map((one) => [one.id, one]));
  const candidates = compared.filter(({ id }) => byId.has(id));
  const ranked = await inference.rank({
    candidates: joined(candidates),
    doubts: candidates.map(({ id }) => byId.get(id)?.doubt ?? null),
    labelled: joined(labelled),
    most: mostRanked,
  });
  const ids = candidates.map(({ id }) => id);
  const first = ranked.map((one, i) => weighed(one, i + 1, ids));
  const placed = new Set(first.map(({ id }) => id));
  return [...first, ...waiting.filter(({ id }) => !placed.has(id)).map(unranked)];
}

/** All vectors behind one another. */
function joined(rows: readonly { vector: Uint8Array }[]): Float32Array {
  const all = new Float32Array(rows.length * vectorLength);
  for (const [i, { vector }] of rows.entries()) {
    const values = fromBytes(vector);
    if (values) all.set(values, i * vectorLength);
  }
  return all;
}

/** The doubt from which it is told as a reason. */
const unsureFrom = 0.5;

function weighed(one: Ranked, rank: number, ids: readonly string[]): Weighed {
  const { at, distance, doubt, duplicateOf } = one;
  const reasons: WorthReason[] = [];
  if (duplicateOf !== null) reasons.push("near_duplicate");
  else {
    reasons.push(distance === null ? "in_the_middle" : "unlike_others");
    if (doubt !== null && doubt >= unsureFrom) reasons.push("finder_unsure");
  }
  return {
    id: ids[at] as string,
    worth: {
      rank,
      reasons,
      distance,
      doubt,
      duplicateOf: duplicateOf === null ? null : (ids[duplicateOf] ?? null),
    },
  };
}

const unranked = ({ id, seen }: Waiting): Weighed => ({
  id,
  worth: {
    rank: null,
    reasons: [seen ? "beyond_ranking" : "not_embedded"],
    distance: null,
    doubt: null,
    duplicateOf: null,
  },
});
