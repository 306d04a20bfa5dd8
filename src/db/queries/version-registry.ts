import { max } from "drizzle-orm";
import type { Executor } from "../client.ts";
import { type OfTraining, versions } from "../schema/index.ts";
import { inProject, type ProjectScope } from "./scope.ts";

export type NewVersion = Omit<typeof versions.$inferInsert, "createdAt">;
/** One that a fine-tune made. */
export type NewTunedVersion = Omit<NewVersion, "imported"> & {
  [Column in OfTraining]: NonNullable<NewVersion[Column]>;
};

/** One more than the project's highest; the caller holds the project's lock until the version is in. */
export async function nextVersionNumber(tx: Executor, scope: ProjectScope): Promise<number> {
  const [row] = await tx
    .select({ highest: max(versions.number) })
    .from(versions)
    .where(inProject(versions, scope));
  return (row?.highest ?? 0) + 1;
}

export async function insertVersion(tx: Executor, row: NewVersion): Promise<void> {
  await tx.insert(versions).values(row);
}
