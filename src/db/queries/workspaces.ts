import type { Executor } from "../client.ts";
import { workspaces } from "../schema/index.ts";

type Workspace = typeof workspaces.$inferSelect;

export async function insertWorkspace(db: Executor, row: Pick<Workspace, "id" | "name">): Promise<Workspace> {
  const [workspace] = await db.insert(workspaces).values(row).returning();
  return workspace as Workspace;
}
