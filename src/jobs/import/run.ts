import { existsSync } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatasetTask } from "../../datasets/dataset-child.ts";
import { type DatasetApart, readApart } from "../../datasets/read-apart.ts";
import type { imports } from "../../db/schema/index.ts";
import { ifUnused, selectImageHashes } from "../../db/queries/images.ts";
import { importLeases } from "../../db/queries/leases.ts";
import { noQuotas, requireRoom, selectRoom } from "../../db/queries/usage.ts";
import type { ImportOptions, ImportSummary } from "../../domain/data-import.ts";
import type { AppError } from "../../lib/errors.ts";
import { keys } from "../../storage/keys.ts";
import { giveUp } from "../give-up.ts";
import { Held } from "../held.ts";
import { isFinal, runLeased } from "../run-leased.ts";
import type { TrainerServices } from "../services.ts";
import { ItemSpool } from "./item-spool.ts";
import { type StoredImport, storeImport } from "./store.ts";

/** Milliseconds between two writes of the progress. */
const progressEveryMs = 400;

type ImportRow = typeof imports.$inferSelect;

/** An import as its lease holder may write to it, and what it wrote to the object store. */
class HeldImport extends Held<typeof imports> {
  /** Objects that this attempt wrote where there were none: its own to take away again. */
  readonly wrote: { objectKey: string; sha256: string }[] = [];
}

/**
 * One attempt at an import. Resolves with the ids of the new images when it succeeded, and with none when it failed
 * for good, was deleted, or belongs to someone else. Rejects when the queue shall run it again.
 */
export async function runImport(
  services: TrainerServices,
  importId: string,
  signal: AbortSignal,
): Promise<string[]> {
  const { db, store } = services;
  /** Removes what this attempt alone stored, under the locks that uploads take. */
  const takeBack = async (row: ImportRow, { wrote }: HeldImport): Promise<void> => {
    await store.delete(keys.importPicture(row.projectId, row.id));
    for (const image of wrote.splice(0)) await ifUnused(db, row, image, (key) => store.delete(key));
  };
  const created = await runLeased(services, {
    leases: importLeases,
    id: importId,
    kind: "import",
    name: "an import",
    signal,
    hold: (lease): HeldImport => new HeldImport(db, importLeases, lease),
    work: async (row, held, log) => {
      const run = new ImportRun(services, row, held, signal);
      try {
        const stored = await run.run();
        log.info({ images: stored.created.length, annotations: stored.annotations }, "an import succeeded");
        return stored.created.map((image) => image.id);
      } catch (error) {
        if (!signal.aborted && isFinal(error)) await run.putReport();
        throw error;
      } finally {
        await run.close();
      }
    },
    fail: async (error, row, held) => {
      await takeBack(row, held);
      await held.fail(jobError(error));
      await store.delete(row.objectKey);
    },
    gone: takeBack,
  });
  return created ?? [];
}

/**
 * Ends an import that the queue gave up after its last attempt failed or died, and clears away what the attempts have
 * left: the zip, and images that no row refers to.
 */
export async function giveUpImport(
  { db, store }: TrainerServices,
  importId: string,
  attempts: number,
  error?: unknown,
): Promise<void> {
  const row = await giveUp(db, importLeases, { id: importId, attempts }, error);
  if (!row) return;
  await store.delete(row.objectKey);
  await store.delete(keys.importPicture(row.projectId, row.id));
  await store.delete(keys.importReport(row.projectId, row.id));
  const known = new Set(await selectImageHashes(db, row));
  const prefix = keys.imagePrefix(row.projectId);
  for await (const objectKey of store.list(prefix)) {
    const sha256 = objectKey.slice(prefix.length);
    if (!known.has(sha256)) await ifUnused(db, row, { objectKey, sha256 }, (key) => store.delete(key));
  }
}

class ImportRun {
  readonly #services: TrainerServices;
  readonly #row: ImportRow;
  readonly #held: HeldImport;
  readonly #signal: AbortSignal;
  #folder: string | undefined;
  #lastNote = Number.NEGATIVE_INFINITY;
  #dataset: DatasetApart | undefined;
  #items: ItemSpool | undefined;

  constructor(services: TrainerServices, row: ImportRow, held: HeldImport, signal: AbortSignal) {
    this.#services = services;
    this.#row = row;
    this.#held = held;
    this.#signal = signal;
  }

  async run(): Promise<StoredImport> {
    const { db, store, inference, maxImagesPerProject, quotas = noQuotas } = this.#services;
    const dataset = await this.#open();
    const { layout, skipped, notes, images: imagesTotal } = dataset;
    await this.#held.write({ layout, skipped: [...skipped], notes: [...notes], imagesTotal, imagesDone: 0 });
    const items = await this.#putObjects(dataset);
    const { parts } = await this.#tell(dataset);
    const stored = await storeImport(db, {
      scope: this.#row,
      lease: this.#held.lease,
      batches: this.#row.dryRun ? [] : items.batches(),
      maxImages: maxImagesPerProject,
      quotas,
      keepParts: this.#row.options.respectSplits ?? (parts.test ?? 0) > 0,
    });
    await this.#putMissing(dataset, stored);
    await store.delete(this.#row.objectKey);
    await inference.makeRoom(this.#row.workspaceId);
    return stored;
  }

  async close(): Promise<void> {
    await this.#dataset?.close();
    this.#items?.close();
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true });
  }

  async #open(): Promise<DatasetApart> {
    const { store, maxImagePixels = 64_000_000, maxImagesPerProject } = this.#services;
    this.#folder = await mkdtemp(join(tmpdir(), "maskwright-import-"));
    const path = join(this.#folder, "data.zip");
    await this.#held.note(`reading ${this.#row.fileName ?? "the zip"}`);
    await store.getFile(this.#row.objectKey, path);
    this.#items = new ItemSpool(join(this.#folder, "items"));
    const limits = { maxImages: maxImagesPerProject };
    this.#dataset = await readApart(
      {
        zipPath: path,
        folder: this.#folder,
        limits,
        choices: choicesOf(this.#row.options),
        maxPixels: maxImagePixels,
        reportPath: join(this.#folder, reportFile),
      },
      this.#signal,
    );
    return this.#dataset;
  }

  /** Keeps what the walk came to: the list of what was left out, the picture, the counts. */
  async #tell(dataset: DatasetApart): Promise<ImportSummary> {
    const end = dataset.end();
    if (!end) throw new Error("a data set's child did not say what came of it");
    const { store } = this.#services;
    const { projectId, id } = this.#row;
    await this.putReport();
    if (end.picturePath !== null) {
      await store.delete(keys.importPicture(projectId, id));
      await store.putFile(keys.importPicture(projectId, id), end.picturePath, { contentType: "image/webp" });
    }
    const { summary, skipped, notes } = end;
    await this.#held.write({ imagesDone: summary.images, summary, skipped: [...skipped], notes: [...notes] });
    return summary;
  }

  /** The report, as far as it goes; an import that failed before it was begun has none. */
  async putReport(): Promise<void> {
    const { projectId, id } = this.#row;
    const path = this.#folder && join(this.#folder, reportFile);
    if (path === undefined || !existsSync(path) || (await stat(path)).size === 0) return;
    const { store } = this.#services;
    // An attempt before this one may have told as much as it came to.
    await store.delete(keys.importReport(projectId, id));
    await store.putFile(keys.importReport(projectId, id), path, { contentType: "application/x-ndjson" });
  }

  /** Checks every image and mask, and stores the images; nothing refers to them yet. */
  async #putObjects(dataset: DatasetApart): Promise<ItemSpool> {
    const { db, store, quotas = noQuotas } = this.#services;
    const { workspaceId, bytes: zipBytes } = this.#row;
    const room = await selectRoom(db, workspaceId, quotas);
    const more = { images: 0, bytes: -zipBytes };
    const items = this.#items as ItemSpool;
    let imagesDone = 0;
    let lastWrite = performance.now();
    for await (const { path, alsoNamed: _, ...item } of dataset.items()) {
      this.#signal.throwIfAborted();
      await this.#noteFile(item.fileName);
      imagesDone += path === null ? 0 : 1;
      if (this.#row.dryRun) {
        if (performance.now() - lastWrite < progressEveryMs) continue;
        lastWrite = performance.now();
        await this.#held.write({ imagesDone });
        continue;
      }
      items.add(item);
      if (path === null) continue;
      const key = keys.image(this.#row.projectId, item.sha256);
      const isNew = (await store.stat(key)) === null;
      if (isNew) {
        more.images++;
        more.bytes += item.byteLength;
        // What would be refused at the end is not stored before.
        if (more.images > room.images || more.bytes > room.bytes)
          await requireRoom(db, workspaceId, quotas, { more });
      }
      // After a crash the objects of the attempt before look like someone else's: they are ours too.
      if (this.#row.attempt > 1 || isNew) this.#held.wrote.push({ objectKey: key, sha256: item.sha256 });
      await store.putFile(key, path, { contentType: `image/${item.facts.format}` });
      if (performance.now() - lastWrite < progressEveryMs) continue;
      lastWrite = performance.now();
      await this.#held.write({ imagesDone });
    }
    await this.#held.write({ imagesDone });
    return items;
  }

  /**
   * Whoever deleted the same image between our write and our rows also took its object away: it is put again.
   * From our rows on nobody does so any more.
   */
  async #putMissing(dataset: DatasetApart, { created }: StoredImport): Promise<void> {
    const { store } = this.#services;
    const missing = new Set<string>();
    for (const { sha256 } of created) {
      if ((await store.stat(keys.image(this.#row.projectId, sha256))) === null) missing.add(sha256);
    }
    if (missing.size === 0) return;
    for await (const { sha256, path } of dataset.items())
      if (path !== null && missing.has(sha256))
        await store.putFile(keys.image(this.#row.projectId, sha256), path);
  }

  /** Each file, once an attempt has ended without a word; before that, as often as progress is told. */
  async #noteFile(name: string): Promise<void> {
    const now = performance.now();
    if (this.#row.attempt === 1 && now - this.#lastNote < progressEveryMs) return;
    this.#lastNote = now;
    await this.#held.note(`reading ${name}`);
  }
}

const reportFile = "report.jsonl";

const choicesOf = (options: ImportOptions): DatasetTask["choices"] => {
  const { masks, splitParts, maxSkippedShare, annotators } = options;
  return {
    ...(masks !== undefined && { masks }),
    ...(splitParts !== undefined && { splitParts }),
    ...(maxSkippedShare !== undefined && { maxSkippedShare }),
    ...(annotators !== undefined && { annotators }),
  };
};

function jobError(error: AppError): { code: string; message: string; file?: string } {
  const { code, message, param } = error;
  return (code === "import_file_invalid" || code === "import_skipped_too_much") && param !== undefined
    ? { code, message, file: param }
    : { code, message };
}
