import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { readConfig } from "../../src/config.ts";
import { iou } from "../../src/imaging/metrics.ts";
import { decodeRle } from "../../src/imaging/rle.ts";
import { messageOf } from "../../src/lib/errors.ts";
import { createLog } from "../../src/lib/log.ts";
import { Releases } from "../../src/lib/releases.ts";
import { startLocal } from "../../src/main/local.ts";
import { untilSignal } from "../../src/main/shared/process.ts";
import { usageOr } from "../../src/main/shared/usage.ts";
import {
  type Annotation,
  createMaskwright,
  type FineTune,
  type Maskwright,
  rleOf,
  type Version,
} from "maskwright/client";
import { drawPage, type DemoPage } from "../../src/samples/pages.ts";
import { drawPicture, type PictureRow } from "./picture.ts";
import { heading, progress, say } from "./screen.ts";
import { packPages } from "../../src/samples/zip.ts";

const usage = `usage: npm run demo -- [--url URL --key KEY] [--pages 30] [--seed 7] [--picture docs/images/before-after.png]

Draws scanned pages with ink stamps, imports them, fine-tunes with one call and shows what it brought.
Without --url it starts a server of its own, with its data in a temporary folder.`;

const options = {
  url: { type: "string" },
  key: { type: "string" },
  pages: { type: "string", default: "30" },
  seed: { type: "string", default: "7" },
  picture: { type: "string", default: "docs/images/before-after.png" },
} as const;
usageOr(usage, { options });
const { values } = parseArgs({ options });

async function main(): Promise<void> {
  const releases = new Releases();
  try {
    const interrupted = untilSignal().then((signal) => Promise.reject(new Error(`stopped by ${signal}`)));
    await Promise.race([connect(releases).then(story), interrupted]);
  } catch (error) {
    process.exitCode = 1;
    const cause = error instanceof Error && error.cause !== undefined ? ` (${messageOf(error.cause)})` : "";
    process.stderr.write(`\n${messageOf(error)}${cause}\n`);
  } finally {
    await releases.release();
  }
  // A progress bar or a request that was cut off would keep the process alive.
  process.exit();
}

/** The server that was named, or one of our own that ends with the demo. */
async function connect(releases: Releases): Promise<Maskwright> {
  if (values.url !== undefined) {
    if (values.key === undefined) throw new Error(`--url needs --key\n\n${usage}`);
    return createMaskwright({ url: values.url, key: values.key });
  }
  heading("Starting a server");
  const folder = await mkdtemp(join(tmpdir(), "maskwright-demo-"));
  // Postgres doesn't run as root: under root another user has to get in.
  await chmod(folder, 0o755);
  releases.add("the data", () => rm(folder, { recursive: true, force: true }));
  const config = readConfig({ DATA_DIR: folder, PORT: "0", LOG_LEVEL: "error" });
  const server = await startLocal(config, createLog({ level: config.LOG_LEVEL, name: "demo" }));
  releases.add("the server", () => server.stop());
  if (server.key === null) throw new Error("the server made no key");
  say(`  ${server.url}, its data in ${folder} until the demo ends`);
  return createMaskwright({ url: server.url, key: server.key });
}

async function story(client: Maskwright): Promise<void> {
  const start = performance.now();
  const pages = await drawPages(Number(values.pages), Number(values.seed));
  const projectId = await importPages(client, pages);
  const version = await fineTune(client, projectId);
  await showGain(client, projectId, version);
  say(`\nThe whole story took ${((performance.now() - start) / 1000).toFixed(0)} s.`);
}

async function drawPages(count: number, seed: number): Promise<DemoPage[]> {
  heading(`Drawing ${count} scanned pages with ink stamps`);
  const bar = progress("pages ");
  const pages: DemoPage[] = [];
  for (let i = 0; i < count; i++) {
    pages.push(await drawPage(seed, i));
    bar.at(i + 1, count);
  }
  const stamps = pages.reduce((sum, page) => sum + page.stamps.length, 0);
  bar.end(`${stamps} stamps, a mask of exactly its ink for each`);
  return pages;
}

async function importPages(client: Maskwright, pages: readonly DemoPage[]): Promise<string> {
  heading("Importing them as a zip");
  const project = await client.post("/v1/projects", { body: { name: "Stamps on scanned pages" } });
  const bar = progress("import");
  let job = await client.importZip(project.id, new Blob([Uint8Array.from(await packPages(pages))]));
  while (job.status === "queued" || job.status === "running") {
    await sleep(150);
    job = await client.get("/v1/projects/{project_id}/imports/{import_id}", {
      params: { path: { project_id: project.id, import_id: job.id } },
    });
    bar.at(job.progress.images_done, job.progress.images_total ?? pages.length);
  }
  if (job.error) throw new Error(`the import failed: ${job.error.message}`);
  bar.end(`${job.images_created} images, ${job.annotations_created} annotations in project ${project.id}`);
  return project.id;
}

async function fineTune(client: Maskwright, projectId: string): Promise<Version> {
  // Left out, auto takes its usual five minutes; a demonstration has one.
  const body = { hyperparameters: { budget_seconds: 60 } };
  heading(`Fine-tuning: POST /v1/projects/{id}/fine-tunes ${JSON.stringify(body)}`);
  const start = performance.now();
  const bar = progress("tuning");
  const path = { project_id: projectId };
  const { id } = await client.post("/v1/projects/{project_id}/fine-tunes", { params: { path }, body });
  const stop = new AbortController();
  const watching = watch(client, projectId, id, bar, stop.signal);
  let job: FineTune | undefined;
  try {
    for await (const told of client.follow(projectId, id)) {
      if (told.type === "event") bar.log(told.event.message);
      else job = told.fineTune;
    }
  } finally {
    stop.abort();
    await watching;
  }
  if (!job) throw new Error("the stream of events ended without the job's end");
  bar.end(`${job.status} after ${((performance.now() - start) / 1000).toFixed(1)} s`);
  if (job.version === null)
    throw new Error(`the fine-tune ${job.status}: ${job.error?.message ?? "no version"}`);
  return client.get("/v1/projects/{project_id}/versions/{number}", {
    params: { path: { ...path, number: job.version } },
  });
}

/** Moves the bar: within an epoch there are no events, but the job tells how far it is. */
async function watch(
  client: Maskwright,
  projectId: string,
  id: string,
  bar: ReturnType<typeof progress>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const { progress: now } = await client.get("/v1/projects/{project_id}/fine-tunes/{fine_tune_id}", {
      params: { path: { project_id: projectId, fine_tune_id: id } },
    });
    if (now)
      bar.at(
        now.done,
        now.total,
        `${now.phase}${now.eta_seconds === null ? "" : `, ${now.eta_seconds} s left`}`,
      );
    await sleep(400, undefined, { signal }).catch(() => {});
  }
}

async function showGain(client: Maskwright, projectId: string, version: Version): Promise<void> {
  const { held_out: heldOut, best_epoch: bestEpoch } = metricsOf(version);
  heading(
    `Mean IoU on ${heldOut.annotations} stamps of ${heldOut.images} pages that no training step has seen`,
  );
  say(`  base model   ${meter(heldOut.base.mean_iou)}`);
  say(
    `  version ${version.number}    ${meter(heldOut.tuned.mean_iou)}   (epoch ${bestEpoch}, ${version.status})`,
  );
  const rows: PictureRow[] = [];
  for (const chosen of await medians(client, projectId, version))
    rows.push(await pictureRow(client, projectId, version.number, chosen));
  await mkdir(dirname(values.picture), { recursive: true });
  await writeFile(values.picture, await drawPicture(rows));
  heading(`Before and after: ${values.picture}`);
}

const meter = (value: number): string =>
  `${value.toFixed(3)}  ${"\u2588".repeat(Math.round(value * 40)).padEnd(40, "\u00b7")}`;

interface Chosen {
  readonly title: string;
  readonly annotation: Annotation;
  readonly scores: Scores;
}

type Metrics = NonNullable<Version["metrics"]>;
type Scores = NonNullable<Metrics["per_annotation"]>[number];

function metricsOf({ number, metrics }: Version): Metrics {
  if (!metrics) throw new Error(`version ${number} was not measured`);
  return metrics;
}

/** The held-out stamp of each kind with the median tuned IoU: a fair sample, not the finest three. */
async function medians(client: Maskwright, projectId: string, version: Version): Promise<Chosen[]> {
  const heldOut: Chosen[] = [];
  for (const scores of metricsOf(version).per_annotation ?? []) {
    const annotation = await client.get("/v1/projects/{project_id}/annotations/{annotation_id}", {
      params: { path: { project_id: projectId, annotation_id: scores.annotation_id } },
    });
    heldOut.push({ title: `Held out, ${annotation.label}`, annotation, scores });
  }
  heldOut.sort((a, b) => a.scores.tuned_iou - b.scores.tuned_iou);
  const kinds = Map.groupBy(heldOut, ({ annotation }) => annotation.label ?? "");
  return [...kinds.keys()].sort().map((kind) => {
    const list = kinds.get(kind) as [Chosen];
    return list[Math.floor((list.length - 1) / 2)] as Chosen;
  });
}

async function pictureRow(
  client: Maskwright,
  projectId: string,
  version: number,
  chosen: Chosen,
): Promise<PictureRow> {
  const { title, annotation, scores } = chosen;
  const { image_id: imageId, box } = annotation;
  const file = await client.get("/v1/projects/{project_id}/images/{image_id}/content", {
    params: { path: { project_id: projectId, image_id: imageId } },
  });
  const image = Buffer.from(await file.arrayBuffer());
  // Both on one embedding.
  const { results } = await client.post("/v1/projects/{project_id}/predict", {
    params: { path: { project_id: projectId } },
    body: { image: { id: imageId }, prompts: [{ box }], version: ["base", version] },
  });
  const masks = results.flatMap(({ predictions }) => predictions[0]?.masks.slice(0, 1) ?? []);
  const [before, after, truth] = [...masks, annotation.mask].map((mask) => decodeRle(rleOf(mask)));
  if (!before || !after || !truth) throw new Error("predict gave fewer masks than versions");
  const served = { beforeIou: iou(before, truth), afterIou: iou(after, truth) };
  // The same prompt on the same page: what is served must be what was measured.
  if (
    Math.abs(served.beforeIou - scores.base_iou) > 0.01 ||
    Math.abs(served.afterIou - scores.tuned_iou) > 0.01
  )
    throw new Error(
      `served masks score ${JSON.stringify(served)}, the version's metrics say ${JSON.stringify(scores)}`,
    );
  return { title, image, box, before, after, truth, ...served };
}

await main();
