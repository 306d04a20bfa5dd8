import { MaskwrightError } from "../../client/errors.ts";
import { computed, effect, signal } from "@preact/signals";
import { offline, upload } from "../api/client.ts";
import type { Import, Image } from "../api/types.ts";
import { untilEnded, whyFailed } from "./example.ts";
import { messageOf, plural } from "./text.ts";

/** A zip is looked into first, and imported when somebody has seen what is in it. */
export type UploadStatus = "waiting" | "sending" | "looking" | "asking" | "importing" | "done" | "failed";

/** What an import may be asked for, as the API's query has it; what is left out is the API's to choose. */
export type ImportChoices = Partial<
  Record<"masks" | "split_parts" | "max_skipped_share" | "annotators" | "respect_splits", string>
>;

export interface Upload {
  readonly id: number;
  readonly projectId: string;
  readonly file: File;
  readonly status: UploadStatus;
  /** 0 to 1. */
  readonly share: number;
  /** What came of it, or why nothing did. */
  readonly note: string;
  /** What an import left out on purpose, and why. */
  readonly skipped: readonly { readonly count: number; readonly reason: string }[];
  /** Whether a zip shall only be looked into. */
  readonly dryRun: boolean;
  readonly choices: ImportChoices;
  /** What the look into it found, or where it failed. */
  readonly looked: Import | null;
}

const atOnce = 3;
let next = 0;

/** Files on their way, of all projects: they go on while one looks at other pages. */
export const uploads = signal<readonly Upload[]>([]);
export const paused = signal(false);
/** Counts what has arrived: galleries load again when it changes. */
export const arrived = signal(0);
const stops = new Map<number, AbortController>();

const isEnded = ({ status }: Upload): boolean => status === "done" || status === "failed";

export const open = computed(() => uploads.value.filter((one) => !isEnded(one)));

export function addFiles(projectId: string, files: Iterable<File>): void {
  const fresh = [...files].map((file): Upload => ({
    id: next++,
    projectId,
    file,
    status: "waiting",
    share: 0,
    note: "",
    skipped: [],
    dryRun: isZip(file),
    choices: {},
    looked: null,
  }));
  uploads.value = [...uploads.value, ...fresh];
}

export function retryFailed(): void {
  for (const { id, status } of uploads.value)
    if (status === "failed") change(id, { status: "waiting", share: 0, note: "" });
}

export function clearEnded(): void {
  uploads.value = open.value;
}

/** Sends a zip again that was looked into: to look with other choices, or to import it. */
export function sendAgain(id: number, dryRun: boolean, choices: ImportChoices): void {
  change(id, { status: "waiting", share: 0, note: "", dryRun, choices, looked: null });
}

export function forget(id: number): void {
  uploads.value = uploads.value.filter((one) => one.id !== id);
}

/** Stops what is being sent; `paused.value = false` sends it again from its beginning. */
export function pause(): void {
  paused.value = true;
  for (const stop of stops.values()) stop.abort();
}

function change(id: number, to: Partial<Upload>): void {
  uploads.value = uploads.value.map((one) => (one.id === id ? { ...one, ...to } : one));
}

// Whoever waits goes as soon as there is room, nobody has pressed pause and the server is there.
effect(() => {
  if (paused.value || offline.value) return;
  const busy = uploads.value.filter(({ status }) =>
    ["sending", "looking", "importing"].includes(status),
  ).length;
  const free = uploads.value
    .filter(({ status }) => status === "waiting")
    .slice(0, Math.max(0, atOnce - busy));
  for (const item of free) queueMicrotask(() => void run(item.id));
});

async function run(id: number): Promise<void> {
  const item = uploads.value.find((one) => one.id === id);
  if (item?.status !== "waiting") return;
  const stop = new AbortController();
  stops.set(id, stop);
  change(id, { status: "sending", share: 0 });
  try {
    const made = isZip(item.file) ? await sendZip(item, stop.signal) : await sendImage(item, stop.signal);
    change(id, { status: "done", share: 1, ...made });
    if (made.status !== "asking") arrived.value++;
  } catch (error) {
    // A broken line and a pause are no failure of the file: it waits for its next turn.
    const again = stop.signal.aborted || (error instanceof MaskwrightError && error.status === 0);
    change(id, again ? { status: "waiting", share: 0 } : { status: "failed", note: messageOf(error) });
  } finally {
    stops.delete(id);
  }
}

type Made = Pick<Upload, "note"> & Partial<Pick<Upload, "skipped" | "status" | "looked">>;

async function sendImage({ id, projectId, file }: Upload, stop: AbortSignal): Promise<Made> {
  const query = new URLSearchParams({ file_name: file.name });
  await upload<Image>(`/v1/projects/${projectId}/images?${query.toString()}`, file, {
    type: file.type.startsWith("image/") ? file.type : "application/octet-stream",
    onProgress: (share) => change(id, { share }),
    signal: stop,
  });
  return { note: "Uploaded" };
}

async function sendZip({ id, projectId, file, dryRun, choices }: Upload, stop: AbortSignal): Promise<Made> {
  const query = new URLSearchParams({ ...choices, ...(dryRun && { dry_run: "true" }) });
  const first = await upload<Import>(`/v1/projects/${projectId}/imports?${query.toString()}`, file, {
    type: "application/zip",
    onProgress: (share) => change(id, { share: share / 2 }),
    signal: stop,
  });
  change(id, { status: dryRun ? "looking" : "importing" });
  const job = await untilEnded(projectId, first, ({ progress }) => {
    change(id, {
      share: 0.5 + 0.5 * (progress.images_done / (progress.images_total ?? Number.POSITIVE_INFINITY)),
    });
  });
  if (dryRun) return { status: "asking", note: "", looked: job };
  if (job.status === "failed") throw new Error(whyFailed(job));
  const [images, annotations] = [job.images_created ?? 0, job.annotations_created ?? 0];
  const note = `${plural(images, "new image")}, ${plural(annotations, "annotation")}`;
  return { note, skipped: job.skipped ?? [] };
}

const isZip = (file: File): boolean => file.type.includes("zip") || /\.(zip|parquet)$/i.test(file.name);
