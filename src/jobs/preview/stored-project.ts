import type { Database } from "../../db/client.ts";
import { selectAnnotatedImages, selectWithoutAnnotations } from "../../db/queries/annotated-images.ts";
import { mostIds, type StoredProject } from "../../training/preflight/project-data.ts";

/** A project's annotations and images as they are now. */
export async function selectStored(
  db: Database,
  { id, workspaceId, baseModel }: { id: string; workspaceId: string; baseModel: string },
): Promise<StoredProject> {
  const scope = { workspaceId, projectId: id };
  const annotated = await selectAnnotatedImages(db, scope);
  const without = (knownEmpty: boolean): ReturnType<typeof selectWithoutAnnotations> =>
    selectWithoutAnnotations(db, scope, { knownEmpty, most: mostIds });
  return { id, baseModel, annotated, bare: await without(false), empty: await without(true) };
}
