import { eq, exists, type SQL, sql } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { annotations, images } from "../schema/index.ts";

/** Whether an image carries an annotation, as a condition on `images`. */
export const isLabelled = (db: Executor): SQL =>
  exists(
    db
      .select({ one: sql`1` })
      .from(annotations)
      .where(eq(annotations.imageId, images.id)),
  );
