import { and, desc, eq, inArray } from "../drizzle.ts";
import { AppError } from "../../lib/errors.ts";
import type { Executor } from "../client.ts";
import { imports } from "../schema/index.ts";
import { openImport } from "../../domain/job-states.ts";
import { behind, cut, type Page, type PageRequest } from "./page.ts";
import { inProject, type ProjectScope } from "./scope.ts";

export type Import = typeof imports.$inferSelect;

/** The insert is the event: a trigger tells the workers. */
export async function insertImport(
  db: Executor,
  row: Pick<Import, "id" | "workspaceId" | "projectId" | "objectKey" | "bytes" | "fileName"> &
    Partial<Pick<Import, "options" | "dryRun">>,
): Promise<Import> {
  const [inserted] = await db.insert(imports).values(row).returning();
  return inserted as Import;
}

/** Throws AppError import_not_found. */
export async function getImport(db: Executor, scope: ProjectScope, id: string): Promise<Import> {
  const [row] = await db
    .select()
    .from(imports)
    .where(and(inProject(imports, scope), eq(imports.id, id)));
  if (!row) {
    throw new AppError("import_not_found", `There is no import ${id} in this project.`, {
      param: "import_id",
    });
  }
  return row;
}

export async function listImports(
  db: Executor,
  scope: ProjectScope,
  page: PageRequest,
): Promise<Page<Import>> {
  const rows = await db
    .select()
    .from(imports)
    .where(and(inProject(imports, scope), behind(imports, page.after)))
    .orderBy(desc(imports.createdAt), desc(imports.id))
    .limit(page.limit + 1);
  return cut(rows, page.limit);
}

/** Whether an import of the project has yet to end. */
export async function isImporting(db: Executor, scope: ProjectScope): Promise<boolean> {
  const [row] = await db
    .select({ id: imports.id })
    .from(imports)
    .where(and(inProject(imports, scope), inArray(imports.status, [...openImport])))
    .limit(1);
  return row !== undefined;
}
