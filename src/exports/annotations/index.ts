import { MessageChannel } from "node:worker_threads";
import type { Database, Executor } from "../../db/client.ts";
import {
  annotationPages,
  pageOfImages,
  selectLabels,
  selectMostPixels,
  selectSharedNames,
} from "../../db/queries/export-rows.ts";
import type { ProjectScope } from "../../db/queries/scope.ts";
import { AppError } from "../../lib/errors.ts";
import type { MemoryBudget } from "../../lib/memory-budget.ts";
import { Slots } from "../../lib/slots.ts";
import { workerPool } from "../../lib/worker-pool.ts";
import { JoinedFiles } from "../spool.ts";
import type { ExportedFile } from "../types.ts";
import { answerRows, nextQuestion, type RowSource } from "./rows.ts";
import { type AnnotationExport, type AnnotationFormat, type ExportedPart, shapesOf } from "./types.ts";
import type * as annotationWorker from "./worker.ts";
import type { AnnotationTask } from "./worker.ts";

const MiB = 1024 * 1024;
/** Images whose annotations are looked for together. */
const imagesAtOnce = 100;
/** A mask of many holes is some 100 KB of text, one of noise 10 MB. */
const atOnce = { rows: 1000, bytes: 4 * MiB } as const;
/** A page of rows in both threads, and one mask of as many bytes as a request brings. */
const baseBytes = 64 * MiB;
/** Bytes for a pixel of an image: what tracing a mask over all of it takes, or painting its map and packing it. */
const pixelBytes: Readonly<Record<AnnotationFormat, number>> = {
  coco: 4,
  yolo: 4,
  label_studio: 4,
  cvat: 4,
  labelme: 4,
  voc: 8,
};
const waitMs = 60_000;

/** One for the process; its thread ends when it has been idle. */
const pool = workerPool<typeof annotationWorker>({
  module: new URL("worker.ts", import.meta.url),
  threads: 1,
  // Its heap still holds what it made last.
  idleMs: 10_000,
});
const write = pool.of("write");
/** Whoever waits for the thread holds no memory meanwhile, and workspaces take turns. */
const turns = new Slots(1);
const files = new JoinedFiles<Omit<ExportedFile, "content">>();

/**
 * A project's annotations in a format of the world outside, all of one moment. Masks are traced, packed and written in a
 * thread of its own, to a temporary file, so that a slow reader holds no transaction open; rows go there by the page.
 * Those who ask for the same before its moment has come share the file: each sees what was written before it asked.
 * The same annotations and options give the same bytes.
 * Throws AppError invalid_request (param `shapes`), memory_exceeded, overloaded.
 */
export async function exportAnnotations(
  { db, memory }: { db: Database; memory: MemoryBudget },
  scope: ProjectScope,
  options: AnnotationExport,
): Promise<ExportedFile> {
  const can = shapesOf[options.format];
  if (!can.includes(options.shapes))
    throw new AppError(
      "invalid_request",
      `shapes: ${options.format} holds ${can.join(" or ")}, not ${options.shapes}.`,
      { param: "shapes" },
    );
  const pixels = await selectMostPixels(db, scope);
  const isPlain = options.format === "coco" && options.shapes === "masks";
  const bytes = baseBytes + (isPlain ? 0 : pixels * pixelBytes[options.format]);
  const owner = scope.workspaceId;
  const ask = { by: owner, what: "This export", waitMs };
  return files.get(JSON.stringify([scope, options]), (path, begin) =>
    turns.run(
      () =>
        memory.hold(Math.min(bytes, memory.most), ask, () => {
          begin();
          return made(db, scope, { options, path });
        }),
      { owner, waitMs },
    ),
  );
}

async function made(
  db: Database,
  scope: ProjectScope,
  task: Omit<AnnotationTask, "port">,
): Promise<Omit<ExportedFile, "content">> {
  const { port1, port2: port } = new MessageChannel();
  const [fed, written] = await Promise.allSettled([
    feed(db, scope, task.options, port1),
    write({ ...task, port }, [port]),
  ]);
  port1.close();
  if (fed.status === "rejected") throw fed.reason;
  if (written.status === "rejected") throw written.reason;
  return written.value;
}

/** Answers the writer out of one transaction, which begins when the writer's thread is there. */
async function feed(
  db: Database,
  scope: ProjectScope,
  options: AnnotationExport,
  port: MessageChannel["port1"],
): Promise<void> {
  const first = await nextQuestion(port);
  if (!first) return;
  await db.transaction((tx) => answerRows(port, first, rowsOf(tx, scope, options)), {
    isolationLevel: "repeatable read",
    accessMode: "read only",
  });
}

const rowsOf = (tx: Executor, scope: ProjectScope, { format }: AnnotationExport): RowSource => ({
  head: async () => ({
    projectId: scope.projectId,
    labels: await selectLabels(tx, scope),
    shared: await selectSharedNames(tx, scope, { stems: format !== "coco" }),
  }),
  walk: async function* (what) {
    for (let page = await pageOfImages(tx, scope, null, imagesAtOnce); page.length > 0;) {
      if (what === "images") yield page.map((image) => ({ image, annotations: [] }));
      else yield* partsOf(tx, scope, page);
      page = await pageOfImages(tx, scope, page.at(-1) ?? null, imagesAtOnce);
    }
  },
});

/** A page of images with their annotations, and those without, in the images' order. */
async function* partsOf(
  tx: Executor,
  scope: ProjectScope,
  images: Awaited<ReturnType<typeof pageOfImages>>,
): AsyncGenerator<ExportedPart[], void, undefined> {
  const places = new Map(images.map(({ id }, place) => [id, place]));
  const part = (place: number, annotations: ExportedPart["annotations"]): ExportedPart => ({
    image: images[place] as ExportedPart["image"],
    annotations,
  });
  let next = 0;
  for await (const rows of annotationPages(tx, scope, [...places.keys()], atOnce)) {
    const parts: ExportedPart[] = [];
    for (const [id, annotations] of Map.groupBy(rows, ({ imageId }) => imageId)) {
      const place = places.get(id) as number;
      for (; next < place; next++) parts.push(part(next, []));
      parts.push(part(place, annotations));
      next = place + 1;
    }
    yield parts;
  }
  yield images.slice(next).map((image) => ({ image, annotations: [] }));
}
