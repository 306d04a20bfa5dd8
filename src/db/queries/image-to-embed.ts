import { and, eq } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { images, projects } from "../schema/index.ts";

export interface ImageToEmbed {
  readonly sha256: string;
  readonly objectKey: string;
  readonly workspaceId: string;
  readonly baseModel: string;
}

/** What embedding an image needs; null when it, or its project, is gone. */
export async function selectImageToEmbed(
  db: Executor,
  projectId: string,
  imageId: string,
): Promise<ImageToEmbed | null> {
  const [row] = await db
    .select({
      sha256: images.sha256,
      objectKey: images.objectKey,
      workspaceId: images.workspaceId,
      baseModel: projects.baseModel,
    })
    .from(images)
    .innerJoin(projects, eq(projects.id, images.projectId))
    .where(and(eq(images.id, imageId), eq(images.projectId, projectId)));
  return row ?? null;
}
