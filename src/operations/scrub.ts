import { asc, eq, gt } from "../db/drizzle.ts";
import type { Database } from "../db/client.ts";
import { images, versions } from "../db/schema/index.ts";
import { keys } from "../storage/keys.ts";
import { type Fault, faultOf } from "../storage/named-objects.ts";
import type { ObjectStore } from "../storage/store.ts";
import { baseModelFiles } from "./scrub-base-models.ts";

/** An object that a row or a base model names and that is not what was registered. */
export interface LostObject {
  readonly kind: "image" | "version" | "finder" | "base_model";
  /** The row's id; a finder's is its version's, and a base model's its name. */
  readonly id: string;
  /** Null for a base model, which is everybody's. */
  readonly project: string | null;
  readonly key: string;
  readonly fault: Fault;
}

export interface ScrubReport {
  readonly checked: number;
  readonly lost: readonly LostObject[];
}

/** Rows of one statement. */
const batch = 500;

type Registered = Omit<LostObject, "fault"> & ({ readonly sha256: string } | { readonly fault: Fault });

/**
 * Reads every image, every version's weights and every imported base model to their ends, one after the other, so that what is missing or damaged is
 * known before somebody needs it. `tell` hears of each as it is found. Throws AppError unavailable, or the signal's reason.
 * @param options.goesOn called before each object
 */
export async function scrub(
  { db, store }: { readonly db: Database; readonly store: ObjectStore },
  tell: (lost: LostObject) => void,
  { signal, goesOn }: { readonly signal?: AbortSignal; readonly goesOn?: () => Promise<void> } = {},
): Promise<ScrubReport> {
  let checked = 0;
  const lost: LostObject[] = [];
  for await (const one of registeredObjects(db, store)) {
    signal?.throwIfAborted();
    await goesOn?.();
    const { kind, id, project, key } = one;
    const fault = "fault" in one ? one.fault : await faultOf(store, { key, sha256: one.sha256 });
    checked++;
    if (fault === null || !(await isRegistered({ db, store }, one))) continue;
    const found = { kind, id, project, key, fault };
    lost.push(found);
    tell(found);
  }
  return { checked, lost };
}

async function* registeredObjects(db: Database, store: ObjectStore): AsyncIterable<Registered> {
  for (let after = ""; ;) {
    const rows = await db
      .select({ id: images.id, project: images.projectId, key: images.objectKey, sha256: images.sha256 })
      .from(images)
      .where(gt(images.id, after))
      .orderBy(asc(images.id))
      .limit(batch);
    for (const row of rows) yield { kind: "image", ...row };
    const last = rows.at(-1);
    if (last === undefined || rows.length < batch) break;
    after = last.id;
  }
  const rows = await db
    .select({
      id: versions.id,
      project: versions.projectId,
      key: versions.weightsKey,
      sha256: versions.weightsSha256,
      finder: versions.finder,
      refit: versions.refit,
    })
    .from(versions)
    .orderBy(asc(versions.id));
  for (const { finder, refit, ...row } of rows) {
    yield { kind: "version", ...row };
    if (refit)
      yield { kind: "version", ...row, key: refit.twin.weightsKey, sha256: refit.twin.weightsSha256 };
    if (finder) yield { kind: "finder", ...row, key: finder.key, sha256: finder.sha256 };
  }
  yield* baseModelFiles(db, store);
}

/** What was deleted meanwhile is not lost. */
async function isRegistered(
  { db, store }: { readonly db: Database; readonly store: ObjectStore },
  { kind, id }: Pick<LostObject, "kind" | "id">,
): Promise<boolean> {
  if (kind === "base_model") return (await store.stat(keys.baseModel(id))) !== null;
  const table = kind === "image" ? images : versions;
  const rows = await db.select({ id: table.id }).from(table).where(eq(table.id, id));
  return rows.length > 0;
}
