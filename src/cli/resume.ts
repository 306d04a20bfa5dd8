import type { FineTune, Import, Maskwright } from "../client/index.ts";

/** What a migrate before this one has left behind. */
export interface Begun {
  readonly project: string;
  /** An import that the service still works on. */
  readonly importing: Import | undefined;
  /** The newest fine-tune that has not failed and was not cancelled. */
  readonly fineTune: FineTune | undefined;
}

/**
 * The newest project of a name that was made for the same export: it holds an import of that file's name, or nothing at
 * all yet. Null where there is none; other projects of the name stay as they are.
 */
export async function findBegun(client: Maskwright, name: string, file: string): Promise<Begun | null> {
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await client.get("/v1/projects", {
      params: { query: { limit: 100, ...(cursor !== undefined && { cursor }) } },
    });
    for (const project of page.data) {
      const begun = project.name === name ? await begunIn(client, project.id, file) : null;
      if (begun) return begun;
    }
    cursor = page.next_cursor;
  }
  return null;
}

/** Whether a fine-tune was asked for by these options, as far as any are given. */
export function isAskedBy(
  { hyperparameters: had, seed }: Pick<FineTune, "seed"> & { readonly hyperparameters: object },
  asked: { readonly hyperparameters?: object; readonly seed?: number },
): boolean {
  if (asked.seed !== undefined && asked.seed !== seed) return false;
  const before = new Map(Object.entries(had));
  return Object.entries(asked.hyperparameters ?? {}).every(([name, value]) => before.get(name) === value);
}

async function begunIn(client: Maskwright, project: string, file: string): Promise<Begun | null> {
  const params = { path: { project_id: project }, query: { limit: 100 } };
  const { data: imports } = await client.get("/v1/projects/{project_id}/imports", { params });
  const own = imports.filter((one) => one.file_name === file && !one.dry_run);
  if (own.length === 0) {
    const { data: images } = await client.get("/v1/projects/{project_id}/images", { params });
    if (imports.length + images.length > 0) return null;
  }
  const { data: fineTunes } = await client.get("/v1/projects/{project_id}/fine-tunes", { params });
  return {
    project,
    importing: own.find(({ status }) => status === "queued" || status === "running"),
    fineTune: fineTunes.find(({ status }) => status !== "failed" && status !== "cancelled"),
  };
}
