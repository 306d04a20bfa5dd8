import { and, sql } from "../drizzle.ts";
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
}

/** A row's `origin`. None of the parts has a slash or a sign that LIKE knows, but for the one in `project`. */
export const originText = ({ project, task, annotation }: Origin): string =>
  `${project}/${task}/${annotation}`;

const escaped = (text: string): string => text.replaceAll(/[\\%_]/g, String.raw`\$&`);

/** Until the transaction ends nobody else says anything of this task. */
export async function holdTask(
  tx: Executor,
  { projectId }: ProjectScope,
  { project, task }: Origin,
): Promise<void> {
  const name = `${projectId} ${project}/${task}`;
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`);
}

/** What was said of a task before; how many there were. */
export async function deleteOfTask(
  tx: Executor,
  scope: ProjectScope,
  { project, task }: Pick<Origin, "project" | "task">,
): Promise<number> {
  return deleteLike(tx, scope, `${escaped(`${project}/${task}`)}/%`);
}

/** What became of the tool's annotation; how many there were. */
export async function deleteOfAnnotation(
  tx: Executor,
  scope: ProjectScope,
  { project, annotation }: Pick<Origin, "project" | "annotation">,
): Promise<number> {
  return deleteLike(tx, scope, `${escaped(project)}/%/${escaped(annotation)}`);
}

async function deleteLike(tx: Executor, scope: ProjectScope, pattern: string): Promise<number> {
  const deleted = await tx
    .delete(annotations)
    .where(and(inProject(annotations, scope), sql`${annotations.origin} like ${pattern}`))
    .returning({ id: annotations.id });
  return deleted.length;
}
