import type { Executor } from "../client.ts";
import { predictions } from "../schema/index.ts";

/** Notes what was asked and how long it took; neither image nor masks. */
export async function insertPrediction(
  db: Executor,
  row: Omit<typeof predictions.$inferInsert, "createdAt">,
): Promise<void> {
  await db.insert(predictions).values(row);
}
