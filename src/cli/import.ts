import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "./arguments.ts";
import type { Command } from "./command.ts";
import { CliError } from "./errors.ts";
import { bar, Live } from "./screen.ts";
import { digestOf, fileSource, folderSource, type LeftBehind, send } from "./sources.ts";

/** A zip, a TAR, or a folder that is sent as a TAR while it is read, becomes images and annotations of a project: all of it or nothing. */
export const importCommand: Command = async ({ args, json, api, streams }) => {
  const { values, positionals } = parse(args, ["PATH"], {
    project: { type: "string" },
    name: { type: "string" },
    "dry-run": { type: "boolean" },
    masks: { type: "string" },
    "split-parts": { type: "boolean" },
    "max-skipped-share": { type: "string" },
  });
  const path = resolve(positionals[0] as string);
  const isFolder = (await stat(path)).isDirectory();
  const client = await api();
  const live = new Live(streams.err, !json);
  try {
    const source = await (isFolder ? folderSource(path) : fileSource(path));
    for (const left of source.leftBehind ?? [])
      streams.err.write(json ? `${JSON.stringify({ left_out: left })}\n` : leftText(left));
    const { bytes, sha256 } = await digestOf(source, (seen) =>
      live.draw([bar("reading", seen, source.bytes)]),
    );
    const projectId =
      values.project ??
      (await client.post("/v1/projects", { body: { name: values.name ?? basename(path) } })).id;
    const params = { path: { project_id: projectId } };
    const upload = await client.post("/v1/projects/{project_id}/uploads", {
      params,
      body: { purpose: "import", bytes, sha256, file_name: source.name },
    });
    await send(source, upload.link, bytes, (seen) => live.draw([bar("sending", seen, bytes)]));
    const done = await client.post("/v1/projects/{project_id}/uploads/{upload_id}/complete", {
      params: { path: { project_id: projectId, upload_id: upload.id }, query: queryOf(values) },
    });
    const at = { path: { project_id: projectId, import_id: done.import_id ?? "" } };
    for (;;) {
      const job = await client.get("/v1/projects/{project_id}/imports/{import_id}", { params: at });
      const { images_done: images, images_total: total } = job.progress;
      live.draw([bar("importing", images, total ?? 0, `${images}/${total ?? "?"} images`)]);
      if (job.status === "failed") {
        const { code = "import_failed", message = "The import failed.", file } = job.error ?? {};
        throw new CliError(code, file === undefined ? message : `${file}: ${message}`);
      }
      if (job.status === "succeeded") {
        live.clear();
        return { text: textOf(job, projectId), data: job };
      }
      await sleep(300);
    }
  } finally {
    live.clear();
  }
};

const shownNames = 3;

const leftText = ({ kind, names }: LeftBehind): string => {
  const first = names.slice(0, shownNames).join(", ");
  return `Not sent: ${kind} (${names.length}): ${first}${names.length > shownNames ? ", ..." : ""}\n`;
};

interface Given {
  readonly "dry-run"?: boolean | undefined;
  readonly masks?: string | undefined;
  readonly "split-parts"?: boolean | undefined;
  readonly "max-skipped-share"?: string | undefined;
}

/** What the service takes; it refuses by name what it does not. */
const queryOf = (given: Given) => ({
  ...(given["dry-run"] === true && { dry_run: "true" as const }),
  ...(given.masks !== undefined && {
    masks: given.masks as "auto" | "binary" | "instances" | "classes",
  }),
  ...(given["split-parts"] === true && { split_parts: "true" as const }),
  ...(given["max-skipped-share"] !== undefined && { max_skipped_share: Number(given["max-skipped-share"]) }),
});

interface Job {
  readonly dry_run: boolean;
  readonly layout: string | null;
  readonly images_created: number | null;
  readonly annotations_created: number | null;
  readonly summary: { readonly images: number; readonly annotations: number } | null;
  readonly skipped: readonly { readonly count: number; readonly reason: string }[] | null;
  readonly notes: readonly { readonly count: number; readonly message: string }[] | null;
}

/** What came in, or would, then a line for everything that was left out or decided. */
function textOf(job: Job, projectId: string): string {
  const { images = 0, annotations = 0 } = job.summary ?? {};
  const first = job.dry_run
    ? `${images} images, ${annotations} annotations would come in (${job.layout}); nothing was stored`
    : `${job.images_created} images, ${job.annotations_created} annotations in project ${projectId}`;
  return [
    first,
    ...(job.skipped ?? []).map(({ count, reason }) => `left out: ${count} x ${reason}`),
    ...(job.notes ?? []).map(({ message }) => `note: ${message}`),
  ].join("\n");
}
