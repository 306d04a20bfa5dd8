import type { Database } from "../client.ts";
import { sql } from "../drizzle.ts";
import { openFineTune } from "../../domain/job-states.ts";
import { fineTunes } from "../schema/index.ts";

/** Projects of any workspace that are on a base model or have a version of it; four at most. */
export async function projectsOnBase(db: Database, baseModel: string): Promise<string[]> {
  const rows = await db.execute<{ id: string }>(
    sql`select id from projects where base_model = ${baseModel}
      union select project_id from versions where base_model = ${baseModel} limit 4`,
  );
  return rows.map(({ id }) => id);
}

/** Projects of any workspace whose fine-tune is still to choose among all base models; four at most. */
export async function projectsChoosing(db: Database): Promise<string[]> {
  const rows = await db.execute<{ id: string }>(
    sql`select id from projects where base_choice is not null and base_choice->>'fineTuneId' is null
      and exists (select from ${fineTunes} where project_id = projects.id and status in ${[...openFineTune]}) limit 4`,
  );
  return rows.map(({ id }) => id);
}
