import type { Database } from "../client.ts";
import { sql } from "../drizzle.ts";

/** Projects of any workspace that are on a base model or have a version of it; four at most. */
export async function projectsOnBase(db: Database, baseModel: string): Promise<string[]> {
  const rows = await db.execute<{ id: string }>(
    sql`select id from projects where base_model = ${baseModel}
      union select project_id from versions where base_model = ${baseModel} limit 4`,
  );
  return rows.map(({ id }) => id);
}
