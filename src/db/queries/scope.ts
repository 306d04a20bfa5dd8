import { and, eq, type PgColumn, type SQL } from "../drizzle.ts";

/** Which project, and whose: no query names the one without the other. */
export interface ProjectScope {
  readonly workspaceId: string;
  readonly projectId: string;
}

/** The rows of a table that belong to the project and its workspace. */
export const inProject = (
  table: { workspaceId: PgColumn; projectId: PgColumn },
  scope: ProjectScope,
): SQL | undefined => and(eq(table.workspaceId, scope.workspaceId), eq(table.projectId, scope.projectId));
