import { eq, sql } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { scrubs } from "../schema/index.ts";

export type Scrub = typeof scrubs.$inferSelect;

const name = "objects";
/** Longer than any one object takes to be read; whoever dies meanwhile leaves the rest to another. */
const hold = sql`now() + interval '15 minutes'`;

/** Takes the scrub in hand where the last one ended so many hours ago; false where it is not due, or another's. */
export async function claimScrub(db: Executor, hours: number): Promise<boolean> {
  const rows = await db
    .insert(scrubs)
    .values({ name, heldUntil: hold })
    .onConflictDoUpdate({
      target: scrubs.name,
      set: { heldUntil: hold },
      setWhere: sql`(${scrubs.heldUntil} is null or ${scrubs.heldUntil} < now())
        and (${scrubs.endedAt} is null or ${scrubs.endedAt} <= now() - make_interval(hours => ${hours}))`,
    })
    .returning({ name: scrubs.name });
  return rows.length > 0;
}

/** Says that it still goes on. */
export async function holdScrub(db: Executor): Promise<void> {
  await db.update(scrubs).set({ heldUntil: hold }).where(eq(scrubs.name, name));
}

/** Puts it down: with what it came to, or, where it was broken off, for the next one. */
export async function endScrub(
  db: Executor,
  came: { readonly checked: number; readonly lost: number } | null,
): Promise<void> {
  const ended = came && { ...came, endedAt: sql`now()` };
  await db
    .update(scrubs)
    .set({ heldUntil: null, ...ended })
    .where(eq(scrubs.name, name));
}

/** The last scrub that came to its end; null before the first. */
export async function lastScrub(db: Executor): Promise<(Scrub & { readonly endedAt: Date }) | null> {
  const [row] = await db.select().from(scrubs).where(eq(scrubs.name, name));
  return row?.endedAt ? { ...row, endedAt: row.endedAt } : null;
}
