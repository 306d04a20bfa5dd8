import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, openAsBlob } from "node:fs";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { ZipFile } from "yazl";
import { parse } from "./arguments.ts";
import type { Command } from "./command.ts";
import { CliError } from "./errors.ts";
import { bar, Live } from "./screen.ts";

/** A zip, or a folder that is zipped first, becomes images and annotations of a project: all of it or nothing. */
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
  const work = await mkdtemp(join(tmpdir(), "maskwright-import-"));
  try {
    const zip = isFolder ? join(work, `${basename(path)}.zip`) : path;
    if (isFolder) await zipFolder(path, zip, (done, total) => live.draw([bar("zipping", done, total)]));
    const { size: bytes } = await stat(zip);
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(zip)) hash.update(chunk as Buffer);
    const projectId =
      values.project ??
      (await client.post("/v1/projects", { body: { name: values.name ?? basename(path) } })).id;
    const params = { path: { project_id: projectId } };
    live.draw([bar("sending", 0, 1, `${(bytes / 1e6).toFixed(1)} MB`)]);
    const upload = await client.post("/v1/projects/{project_id}/uploads", {
      params,
      body: { purpose: "import", bytes, sha256: hash.digest("hex"), file_name: basename(zip) },
    });
    const { link } = upload;
    const sent = await fetch(link.url, {
      method: link.method,
      headers: link.headers,
      body: await openAsBlob(zip),
    });
    if (!sent.ok)
      throw new CliError("upload_failed", `The file was not taken: ${sent.status} ${await sent.text()}`);
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
    await rm(work, { recursive: true, force: true });
  }
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

/** Images are compressed already, so files are stored as they are; hidden files stay out. */
async function zipFolder(
  folder: string,
  to: string,
  told: (done: number, total: number) => void,
): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll("\\", "/"),
    )
    .filter((name) => !name.split("/").some((part) => part.startsWith(".")))
    .sort();
  if (names.length === 0) throw new CliError("folder_empty", `${folder} holds no files.`);
  const zip = new ZipFile();
  for (const name of names) zip.addFile(join(folder, name), name, { compress: false });
  zip.end();
  let seen = 0;
  const total = (await Promise.all(names.map((name) => stat(join(folder, name))))).reduce(
    (sum, { size }) => sum + size,
    0,
  );
  zip.outputStream.on("data", (chunk: Buffer) => told((seen += chunk.length), total));
  await pipeline(zip.outputStream, createWriteStream(to));
}
