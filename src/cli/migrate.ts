import { stat } from "node:fs/promises";
import { basename, extname, resolve } from "node:path";
import type { Import, Maskwright } from "../client/index.ts";
import { oneOf, parse } from "./arguments.ts";
import type { Command } from "./command.ts";
import { CliError, told } from "./errors.ts";
import { bodyOf, ended, tuning, watch } from "./fine-tune.ts";
import { importEnded, importSource, newProject, sourceOf, textOf } from "./import.ts";
import { loginOf } from "./login.ts";
import { findBegun, isAskedBy } from "./resume.ts";
import { type Source, tarSource } from "./sources.ts";

/** By a tool, what to do where its export brings no masks or no pictures. */
const advice = {
  roboflow:
    "export the version as COCO Segmentation or YOLO with outlines: the formats for object detection hold boxes alone",
  "label-studio":
    "its exports as JSON hold no pictures: give their folder with --images, and export JSON or JSON_MIN",
  cvat: 'export as "CVAT for images 1.1" or COCO with "Save images", or give the pictures\' folder with --images',
  hf: "the Parquet needs a column of pictures and one of masks, with their bytes in it (docs/imports.md)",
} as const;
const tools = Object.keys(advice) as (keyof typeof advice)[];

/** From another tool's export to a tuned version: a project, its data, a fine-tune, and how to ask the version. */
export const migrateCommand: Command = async (call) => {
  const { values, positionals } = parse(call.args, ["TOOL", "EXPORT"], {
    ...tuning,
    name: { type: "string" },
    images: { type: "string" },
    "base-model": { type: "string" },
  });
  const [tool, path] = positionals as [string, string];
  const hint = advice[oneOf("TOOL", tools, tool)];
  const body = bodyOf(values);
  const source = await exportSource(resolve(path), values.images);
  const { url } = await loginOf(call.env);
  const client = await call.api();
  const say = (line: string): void => void (call.json || call.streams.err.write(`${line}\n`));

  const name = values.name ?? basename(path).replace(/(\.tar)?\.[^.]+$/, "");
  const begun = await findBegun(client, name, source.name);
  if (begun) say(`goes on in project ${begun.project}, which an earlier migrate has begun`);
  const id = begun?.project ?? (await newProject(client, { ...values, name }));
  const params = { path: { project_id: id } };
  // What is there already comes in again as nothing, so an export that has changed since is no matter.
  if (begun?.importing) await importEnded(client, call, begun.importing);
  const imported = await taken(client, { id, isNew: !begun, hint }, () =>
    importSource(client, call, { source, project: async () => id, query: {} }),
  );
  say(textOf(imported));
  say(`recognised as ${imported.layout}`);

  const hasNew = (imported.images_created ?? 0) + (imported.annotations_created ?? 0) > 0;
  const known = hasNew || !begun?.fineTune || !isAskedBy(begun.fineTune, body) ? undefined : begun.fineTune;
  if (known) say(`fine-tune ${known.id} of the same data is ${known.status}`);
  const started = known ?? (await client.post("/v1/projects/{project_id}/fine-tunes", { params, body }));
  const job = await watch(client, started, call);
  const { text } = await ended(client, job);
  const curl = await curlOf(client, url, id, job.version as number);
  return {
    text: `${text}\nproject ${id}: ${url}\n${curl}`,
    data: { import: imported, fine_tune: job, curl },
  };
};

/** An export that holds only annotations comes with the folder of its pictures. */
async function exportSource(path: string, images: string | undefined): Promise<Source> {
  const isFolder = (await stat(path)).isDirectory();
  const isArchive = !isFolder && /\.(zip|tar|tgz|gz|parquet)$/i.test(path);
  if (images === undefined) {
    if (!isFolder && !isArchive)
      throw new CliError(
        "usage",
        `${basename(path)} holds no pictures: give their folder with --images FOLDER.`,
      );
    return sourceOf(path);
  }
  if (isArchive && extname(path).toLowerCase() !== ".parquet")
    throw new CliError("usage", `--images goes with a file or folder: unpack ${basename(path)} first.`);
  if (!(await stat(images)).isDirectory())
    throw new CliError("usage", `--images takes a folder, and ${basename(images)} is none: unpack it first.`);
  return tarSource(`${basename(path)}.tar`, [
    { under: "export/", path },
    { under: "images/", path: resolve(images) },
  ]);
}

/** The import; where it fails, or brings nothing to learn from, a project that was made for it goes again. */
async function taken(
  client: Maskwright,
  { id, isNew, hint }: { id: string; isNew: boolean; hint: string },
  work: () => Promise<Import>,
): Promise<Import> {
  try {
    const job = await work();
    // What was there before is none of those that were created.
    const came = isNew ? job.annotations_created : job.summary?.annotations;
    if ((came ?? 0) > 0) return job;
    const left = (job.skipped ?? []).map(({ count, reason }) => `${count} x ${reason}`).join("; ");
    throw new CliError(
      "no_masks",
      `${job.images_created} images came in, but no mask of an object${left === "" ? "" : ` (left out: ${left})`}; ${hint}.`,
    );
  } catch (error) {
    if (isNew) await client.delete("/v1/projects/{project_id}", { params: { path: { project_id: id } } });
    const { code, message } = told(error);
    if (!/^import_(layout_unknown|file_invalid|skipped_too_much)$/.test(code)) throw error;
    throw new CliError(code, `${message.replace(/\.$/, "")}; ${hint}.`);
  }
}

/** A request that runs as it stands: the version on an object of the project's own. */
async function curlOf(client: Maskwright, url: string, id: string, version: number): Promise<string> {
  const { data } = await client.get("/v1/projects/{project_id}/annotations", {
    params: { path: { project_id: id }, query: { limit: 1 } },
  });
  const [first] = data;
  const body = { image: { id: first?.image_id }, prompts: [{ box: first?.box }], version };
  return `curl ${url}/v1/projects/${id}/predict -H "Authorization: Bearer $MASKWRIGHT_KEY" -H "Content-Type: application/json" -d '${JSON.stringify(body)}'`;
}
