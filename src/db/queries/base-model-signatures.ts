import type { SignatureBundle } from "../../lib/model-signature.ts";
import { eq } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { baseModelSignatures } from "../schema/index.ts";

/** Null where it has none yet. */
export async function selectBaseModelSignature(db: Executor, name: string): Promise<SignatureBundle | null> {
  const [row] = await db
    .select({ signature: baseModelSignatures.signature })
    .from(baseModelSignatures)
    .where(eq(baseModelSignatures.name, name));
  return row?.signature ?? null;
}

/** Leaves the one that is there. */
export async function insertBaseModelSignature(
  db: Executor,
  row: { readonly name: string; readonly signature: SignatureBundle },
): Promise<void> {
  await db.insert(baseModelSignatures).values(row).onConflictDoNothing();
}

/** With its base model: another may have its name. */
export async function deleteBaseModelSignature(db: Executor, name: string): Promise<void> {
  await db.delete(baseModelSignatures).where(eq(baseModelSignatures.name, name));
}
