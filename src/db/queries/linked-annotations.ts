import { and, inArray, sql } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { annotations } from "../schema/index.ts";
import { inProject, type ProjectScope } from "./scope.ts";

/** Where annotations come from that another tool keeps and tells us of: all of `task` are what was last said of its image. */
export interface Origin {
  /** `label_studio/7.1700000000`: the tool, and its own project. */
  readonly project: string;
  readonly task: string;
  /** The tool's annotation, which may be several of ours. */
  readonly annotation: string;
  /** When the tool last saved it, in milliseconds since 1970; 0 where it does not tell. */
  readonly savedAt: number;
}

/** A row's `origin`. None of the parts has a slash, but for the one in `project`. */
export const originText = ({ project, task, annotation, savedAt }: Origin): string =>
  `${project}/${task}/${annotation}/${savedAt}`;

/** A part of rows' origins; the project's are the first two. */
const partOf = (n: 4 | 5) => sql<string>`split_part(${annotations.origin}, '/', ${sql.raw(String(n))})`;

const beginsWith = (text: string) => {
  const pattern = `${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}/%`;
  return sql`${annotations.origin} like ${pattern}`;
};

/** Until the transaction ends nobody else says anything of this task. */
export async function holdTask(
  tx: Executor,
  { projectId }: ProjectScope,
  { project, task }: Origin,
): Promise<void> {
  const name = `${projectId} ${project}/${task}`;
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`);
}

/** When what is kept of a task was saved, as `savedAt` has it; 0 where there is nothing. */
export async function savedAtOfTask(
  tx: Executor,
  scope: ProjectScope,
  { project, task }: Pick<Origin, "project" | "task">,
): Promise<number> {
  const [row] = await tx
    .select({ at: sql<string | null>`max(nullif(${partOf(5)}, '')::bigint)` })
    .from(annotations)
    .where(and(inProject(annotations, scope), beginsWith(`${project}/${task}`)));
  return Number(row?.at ?? 0);
}

/** What was said of a task before; how many there were. */
export async function deleteOfTask(
  tx: Executor,
  scope: ProjectScope,
  { project, task }: Pick<Origin, "project" | "task">,
): Promise<number> {
  const deleted = await tx
    .delete(annotations)
    .where(and(inProject(annotations, scope), beginsWith(`${project}/${task}`)))
    .returning({ id: annotations.id });
  return deleted.length;
}

/** What became of the tool's annotations; how many there were. */
export async function deleteOfAnnotations(
  db: Executor,
  scope: ProjectScope,
  { project, ids }: { readonly project: string; readonly ids: readonly string[] },
): Promise<number> {
  if (ids.length === 0) return 0;
  const deleted = await db
    .delete(annotations)
    .where(and(inProject(annotations, scope), beginsWith(project), inArray(partOf(4), [...ids])))
    .returning({ id: annotations.id });
  return deleted.length;
}
