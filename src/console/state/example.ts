import { api, send, upload } from "../api/client.ts";
import type { Import, Project } from "../api/types.ts";

/** Makes the example project out of the pages that came with the console. Resolves with its id once all is in. */
export async function startExample(tell: (step: string, share: number) => void): Promise<string> {
  tell("Fetching 30 pages …", 0.05);
  const zip = await (await send("GET", "/console/example.zip")).blob();
  const project = await api.post<Project>("/v1/projects", { name: "Example: stamps on letters" });
  tell("Uploading …", 0.15);
  const job = await upload<Import>(`/v1/projects/${project.id}/imports`, zip, {
    type: "application/zip",
    onProgress: (share) => tell("Uploading …", 0.15 + 0.25 * share),
    signal: new AbortController().signal,
  });
  await untilImported(project.id, job, (now) => {
    const { images_done: done, images_total: total } = now.progress;
    tell(`Importing ${done} of ${total ?? 30} pages …`, 0.4 + 0.6 * (done / (total ?? 30)));
  });
  return project.id;
}

/** Asks until the import has ended, well or not. */
export async function untilEnded(
  projectId: string,
  first: Import,
  onProgress: (job: Import) => void,
): Promise<Import> {
  let job = first;
  while (job.status === "queued" || job.status === "running") {
    onProgress(job);
    await new Promise((resolve) => setTimeout(resolve, 300));
    job = await api.get<Import>(`/v1/projects/${projectId}/imports/${job.id}`);
  }
  return job;
}

/** Asks until the import has succeeded. Throws an Error with the file at fault where it failed. */
export async function untilImported(...asked: Parameters<typeof untilEnded>): Promise<Import> {
  const job = await untilEnded(...asked);
  if (job.status === "succeeded") return job;
  throw new Error(whyFailed(job));
}

export const whyFailed = ({ error }: Import): string =>
  `${error?.file === undefined || error.message.startsWith(error.file) ? "" : `${error.file}: `}${error?.message ?? "The import failed."}`;
