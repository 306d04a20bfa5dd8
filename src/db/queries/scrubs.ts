import { and, eq, sql } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { scrubs } from "../schema/index.ts";

export type Scrub = typeof scrubs.$inferSelect;

const name = "objects";
/** Longer than any one object takes to be read; whoever dies meanwhile leaves the rest to another. */
const hold = sql`now() + interval '15 minutes'`;

/**
 * Takes the scrub in hand where the last one ended so many hours ago. Gives the lease's token; null where it is not due, or
 * another's.
 */
export async function claimScrub(db: Executor, hours: number): Promise<string | null> {
  const taken = { leaseToken: sql`gen_random_uuid()`, heldUntil: hold };
  const [row] = await db
    .insert(scrubs)
    .values({ name, ...taken })
    .onConflictDoUpdate({
      target: scrubs.name,
      set: taken,
      setWhere: sql`(${scrubs.heldUntil} is null or ${scrubs.heldUntil} < now())
        and (${scrubs.endedAt} is null or ${scrubs.endedAt} <= now() - make_interval(hours => ${hours}))`,
    })
    .returning({ token: scrubs.leaseToken });
  return row?.token ?? null;
}

const heldBy = (token: string) => and(eq(scrubs.name, name), eq(scrubs.leaseToken, token));

/** Says that it still goes on; false where another has taken it over. */
export async function holdScrub(db: Executor, token: string): Promise<boolean> {
  const rows = await db
    .update(scrubs)
    .set({ heldUntil: hold })
    .where(heldBy(token))
    .returning({ name: scrubs.name });
  return rows.length > 0;
}

/** Puts it down: with what it came to, or, where it was broken off, for the next one. What is another's stays. */
export async function endScrub(
  db: Executor,
  token: string,
  came: { readonly checked: number; readonly lost: number } | null,
): Promise<void> {
  const ended = came && { ...came, endedAt: sql`now()` };
  await db
    .update(scrubs)
    .set({ leaseToken: null, heldUntil: null, ...ended })
    .where(heldBy(token));
}

/** The last scrub that came to its end; null before the first. */
export async function lastScrub(db: Executor): Promise<(Scrub & { readonly endedAt: Date }) | null> {
  const [row] = await db.select().from(scrubs).where(eq(scrubs.name, name));
  return row?.endedAt ? { ...row, endedAt: row.endedAt } : null;
}
