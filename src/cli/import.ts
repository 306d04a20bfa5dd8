import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "./arguments.ts";
import type { Import, Maskwright } from "../client/index.ts";
import { type Place, placeOf } from "./bucket-place.ts";
import type { Answer, Call, Command } from "./command.ts";
import { CliError } from "./errors.ts";
import { bar, Live } from "./screen.ts";
import { digestOf, fileSource, folderSource, type LeftBehind, send, type Source } from "./sources.ts";

/** A zip, a TAR, a Parquet file, or a folder that is sent as a TAR while it is read, becomes images and annotations of a project: all of it or nothing. */
export const importCommand: Command = async (call) => {
  const { values, positionals } = parse(call.args, ["PATH"], {
    project: { type: "string" },
    name: { type: "string" },
    "base-model": { type: "string" },
    "dry-run": { type: "boolean" },
    masks: { type: "string" },
    "split-parts": { type: "boolean" },
    "max-skipped-share": { type: "string" },
    again: { type: "boolean" },
    "on-server": { type: "boolean" },
  });
  const [given] = positionals as [string];
  if (values.project !== undefined && values["base-model"] !== undefined)
    throw new CliError("usage", "--base-model is for a new project; --project names one that has its own.");
  const place = placeOf(given);
  const onServer = values["on-server"] === true;
  if (place && onServer)
    throw new CliError("usage", "--on-server goes with a folder's path, and not with s3://.");
  if (values.again === true && !place) throw new CliError("usage", "--again goes with s3://BUCKET/PREFIX.");
  if (place) return importInPlace(call, place, values);
  if (onServer) return importInPlace(call, { folder: given }, values);
  const path = resolve(given);
  const source = await sourceOf(path);
  const client = await call.api();
  const project = async (): Promise<string> =>
    values.project ?? (await newProject(client, { ...values, name: values.name ?? basename(path) }));
  const job = await importSource(client, call, { source, project, query: queryOf(values) });
  return { text: textOf(job), data: job };
};

/** Has the service read what lies in a bucket, or in a folder of its own; nothing goes through here. */
async function importInPlace(
  call: Call,
  place: Place | { readonly folder: string },
  values: Given & Partial<Readonly<Record<"project" | "name" | "base-model", string | undefined>>>,
): Promise<Answer> {
  const client = await call.api();
  const path = "folder" in place ? place.folder : `${place.bucket}/${place.prefix}`;
  const name = values.name ?? (path.replace(/\/+$/, "").split("/").at(-1) || "import");
  const project = values.project ?? (await newProject(client, { ...values, name }));
  const params = { path: { project_id: project } };
  const choices = {
    dry_run: values["dry-run"] === true,
    ...(values.masks !== undefined && { masks: values.masks as Masks }),
    ...(values["split-parts"] === true && { split_parts: true }),
    ...(values["max-skipped-share"] !== undefined && {
      max_skipped_share: Number(values["max-skipped-share"]),
    }),
  };
  const started = await ("folder" in place
    ? client.post("/v1/projects/{project_id}/imports:folder", { params, body: { ...place, ...choices } })
    : client.post("/v1/projects/{project_id}/imports:bucket", {
        params,
        body: { ...place, again: values.again === true, ...choices },
      }));
  const live = new Live(call.streams.err, !call.json);
  try {
    const job = await waitFor(client, { project_id: project, import_id: started.id }, live);
    return { text: textOf(job), data: job };
  } finally {
    live.clear();
  }
}

/** Makes a project and gives back its ID; without `base-model` the service takes its own. */
export async function newProject(
  client: Maskwright,
  { name, "base-model": base }: { readonly name: string; readonly "base-model"?: string | undefined },
): Promise<string> {
  const body = { name, ...(base !== undefined && { base_model: base }) };
  return (await client.post("/v1/projects", { body })).id;
}

export const sourceOf = async (path: string): Promise<Source> =>
  (await stat(path)).isDirectory() ? folderSource(path) : fileSource(path);

/** Sends a source and waits until it is imported; `project` is asked for once the source was read. Throws CliError. */
export async function importSource(
  client: Maskwright,
  { json, streams }: Pick<Call, "json" | "streams">,
  given: { source: Source; project: () => Promise<string>; query: ReturnType<typeof queryOf> },
): Promise<Import> {
  const { source, query } = given;
  const live = new Live(streams.err, !json);
  try {
    for (const left of source.leftBehind ?? [])
      streams.err.write(json ? `${JSON.stringify({ left_out: left })}\n` : leftText(left));
    const { bytes, sha256 } = await digestOf(source, (seen) =>
      live.draw([bar("reading", seen, source.bytes)]),
    );
    const projectId = await given.project();
    const params = { path: { project_id: projectId } };
    const upload = await client.post("/v1/projects/{project_id}/uploads", {
      params,
      body: { purpose: "import", bytes, sha256, file_name: source.name },
    });
    await send(source, upload.link, bytes, (seen) => live.draw([bar("sending", seen, bytes)]));
    const done = await client.post("/v1/projects/{project_id}/uploads/{upload_id}/complete", {
      params: { path: { project_id: projectId, upload_id: upload.id }, query },
    });
    return await waitFor(client, { project_id: projectId, import_id: done.import_id ?? "" }, live);
  } finally {
    live.clear();
  }
}

/** Waits for an import that is under way, whatever comes of it. */
export async function importEnded(
  client: Maskwright,
  { json, streams }: Pick<Call, "json" | "streams">,
  { id, project_id }: Import,
): Promise<void> {
  const live = new Live(streams.err, !json);
  try {
    await waitFor(client, { project_id, import_id: id }, live);
  } catch (error) {
    // The same data are sent once more, and fail by name if they have to.
    if (!(error instanceof CliError)) throw error;
  } finally {
    live.clear();
  }
}

/** Resolves once the import has succeeded. Throws CliError with its own code where it has failed. */
async function waitFor(
  client: Maskwright,
  path: { readonly project_id: string; readonly import_id: string },
  live: Live,
): Promise<Import> {
  for (;;) {
    const job = await client.get("/v1/projects/{project_id}/imports/{import_id}", { params: { path } });
    const { images_done: images, images_total: total } = job.progress;
    live.draw([bar("importing", images, total ?? 0, `${images}/${total ?? "?"} images`)]);
    if (job.status === "failed") {
      const { code = "import_failed", message = "The import failed.", file } = job.error ?? {};
      const isNamed = file === undefined || message.startsWith(`${file}:`);
      throw new CliError(code, isNamed ? message : `${file}: ${message}`);
    }
    if (job.status === "succeeded") return job;
    await sleep(300);
  }
}

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
  readonly again?: boolean | undefined;
}
type Masks = "auto" | "binary" | "instances" | "classes";

/** What the service takes; it refuses by name what it does not. */
const queryOf = (given: Given) => ({
  ...(given["dry-run"] === true && { dry_run: "true" as const }),
  ...(given.masks !== undefined && {
    masks: given.masks as Masks,
  }),
  ...(given["split-parts"] === true && { split_parts: "true" as const }),
  ...(given["max-skipped-share"] !== undefined && { max_skipped_share: Number(given["max-skipped-share"]) }),
});

/** What came in, or would, then a line for everything that was left out or decided. */
export function textOf(job: Import): string {
  const { images = 0, annotations = 0 } = job.summary ?? {};
  const first = job.dry_run
    ? `${images} images, ${annotations} annotations would come in (${job.layout}); nothing was stored`
    : `${job.images_created} images, ${job.annotations_created} annotations in project ${job.project_id}`;
  return [
    first,
    ...(job.skipped ?? []).map(({ count, reason }) => `left out: ${count} x ${reason}`),
    ...(job.notes ?? []).map(({ message }) => `note: ${message}`),
  ].join("\n");
}
