import type { Sql } from "postgres";

/** One of so many images is the asking project's; the others are of projects of a thousand each, in other workspaces. */
export const ownShare = 50;
const imagesAProject = 1000;
const annotationsAnImage = 5;
const predictionsAnImage = 10;

/**
 * Brings the images of the tables from `from` to `to` by generated rows, with annotations and logged predictions of each.
 * The same numbers give the same rows.
 */
export async function fill(
  sql: Sql,
  own: { workspace: string; project: string },
  [from, to]: readonly [number, number],
): Promise<void> {
  const range = [from, to - 1] as const;
  await sql`insert into workspaces (id, name)
    select distinct 'ws_fill' || (i / ${imagesAProject}::int), 'fill' from generate_series(${range[0]}::int, ${range[1]}::int) i
    on conflict do nothing`;
  await sql`insert into projects (id, workspace_id, name)
    select distinct 'prj_fill' || (i / ${imagesAProject}::int), 'ws_fill' || (i / ${imagesAProject}::int), 'fill'
    from generate_series(${range[0]}::int, ${range[1]}::int) i on conflict do nothing`;
  const place = sql`
    select i, case when i % ${ownShare}::int = 0 then ${own.workspace} else 'ws_fill' || (i / ${imagesAProject}::int) end as workspace,
      case when i % ${ownShare}::int = 0 then ${own.project} else 'prj_fill' || (i / ${imagesAProject}::int) end as project,
      'img_fill' || lpad(i::text, 10, '0') as image, encode(sha256(i::text::bytea), 'hex') as sha,
      now() - make_interval(secs => (${to}::int - i) % 1000000) as made
    from generate_series(${range[0]}::int, ${range[1]}::int) i`;
  await sql`insert into images (id, workspace_id, project_id, sha256, object_key, bytes, format, width, height, created_at)
    select image, workspace, project, sha, 'images/' || sha, 100000, 'jpeg', 640, 480, made from (${place}) at`;
  // Every second image waits for its annotations.
  await sql`insert into annotations (id, workspace_id, project_id, image_id, counts, area, box, label, source, created_at)
    select 'ann_fill' || lpad(i::text, 10, '0') || k, workspace, project, image, 'PPYo1', 100, '[1, 1, 11, 11]',
      (array['roof', 'crack', 'stamp'])[1 + i % 3], 'import', made
    from (${place}) at, generate_series(1, ${annotationsAnImage}::int) k where (i / ${ownShare}::int) % 2 = 0`;
  await sql`insert into predictions (id, workspace_id, project_id, image_sha256, width, height, versions, prompts, timing_ms, created_at)
    select 'pred_fill' || lpad(i::text, 10, '0') || k, workspace, project, sha, 640, 480, '[0]', 1, '{}', made
    from (${place}) at, generate_series(1, ${predictionsAnImage}::int) k`;
  await sql`analyze`;
}
