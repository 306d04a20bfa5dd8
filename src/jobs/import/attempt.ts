import { existsSync } from "node:fs";
import { appendFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { DatasetTask } from "../../datasets/dataset-child.ts";
import { isFileChanged } from "../../datasets/problems.ts";
import { type DatasetApart, readApart } from "../../datasets/read-apart.ts";
import type { imports } from "../../db/schema/index.ts";
import { noQuotas, selectRoom } from "../../db/queries/usage.ts";
import type { BucketSource, ImportNote, ImportSummary } from "../../domain/data-import.ts";
import { ChildStopped } from "../../lib/child/limits.ts";
import { temporaryFolder } from "../../lib/temporary.ts";
import { AppError } from "../../lib/errors.ts";
import { realFolder } from "../../storage/folder-places.ts";
import { keys } from "../../storage/keys.ts";
import type { Held } from "../held.ts";
import type { TrainerServices } from "../services.ts";
import { type Listing, listBucket, listingNote, noteListing, placeText } from "./bucket.ts";
import { choicesOf } from "./choices.ts";
import { ImportParts } from "./parts.ts";
import { Placed } from "./placed.ts";
import { type StoredImport, storeImport } from "./store.ts";

/** Milliseconds between two writes of the progress. */
const progressEveryMs = 400;

type ImportRow = typeof imports.$inferSelect;

/** Images that are open in the child at once. */
const ahead = 4;
/** Times that files are listed which change while it is read what they mean. */
const openings = 3;

/** One attempt at an import: what is fetched, read, stored and told. */
export class ImportRun {
  readonly #services: TrainerServices;
  readonly #row: ImportRow;
  readonly #held: Held<typeof imports>;
  readonly #signal: AbortSignal;
  #folder: string | undefined;
  #lastNote = Number.NEGATIVE_INFINITY;
  #dataset: DatasetApart | undefined;
  #parts: ImportParts | undefined;
  #placed: Placed | undefined;
  #listing: Listing | undefined;
  /** Parts that the reading went on from: their lines of the report are not in this attempt's. */
  #before = 0;

  constructor(services: TrainerServices, row: ImportRow, held: Held<typeof imports>, signal: AbortSignal) {
    this.#services = services;
    this.#row = row;
    this.#held = held;
    this.#signal = signal;
  }

  async run(): Promise<StoredImport> {
    const { db, store, inference, maxImagesPerProject, quotas = noQuotas } = this.#services;
    const [folder, path] = await this.#fetch();
    const parts = (this.#parts = new ImportParts(store, this.#row, folder));
    const isDone = this.#listing?.changed === 0;
    const dataset = isDone ? null : await this.#read({ folder, path }, parts);
    const summary = dataset ? await this.#tell(dataset) : await this.#tellNothing();
    const stored = await storeImport(db, {
      scope: this.#row,
      lease: this.#held.lease,
      batches: this.#row.dryRun ? [] : parts.batches(),
      maxImages: maxImagesPerProject,
      quotas,
      keepParts: this.#row.options.respectSplits ?? (summary.parts.test ?? 0) > 0,
      alongside: this.#noted(path),
    });
    if (dataset) await this.#putMissing(dataset, stored);
    await parts.clear();
    await store.delete(this.#row.objectKey);
    await inference.makeRoom(this.#row.workspaceId);
    return stored;
  }

  async close(): Promise<void> {
    await this.#dataset?.close();
    this.#parts?.close();
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true });
  }

  /** Hashes of all images that this attempt and those before it have stored, and of some that were there before. */
  async *hashes(): AsyncGenerator<string, void, undefined> {
    if (this.#parts)
      for await (const items of this.#parts.batches()) for (const { sha256 } of items) yield sha256;
    yield* this.#placed?.recent ?? [];
  }

  async #fetch(): Promise<[folder: string, path: string]> {
    // Where the store takes images in without copying them.
    const folder = (this.#folder = await temporaryFolder("import", this.#services.store.nearby));
    const { folder: served, bucket } = this.#row.options;
    const where = served?.path ?? (bucket && placeText(bucket)) ?? this.#row.fileName ?? "the archive";
    await this.#held.note(`reading ${where}`);
    if (served) return [folder, await realFolder(served)];
    const path = join(folder, "data");
    await (bucket ? this.#list(bucket, path) : this.#services.store.getFile(this.#row.objectKey, path));
    return [folder, path];
  }

  async #list(source: BucketSource, path: string): Promise<void> {
    this.#listing = await listBucket(this.#services, { scope: this.#row, source, path }, this.#signal);
  }

  /** What keeps in mind which objects of a bucket were read; a dry run reads none for good. */
  #noted(path: string): Parameters<typeof storeImport>[1]["alongside"] {
    const { dryRun, options } = this.#row;
    const { bucket: source } = options;
    if (!source || dryRun) return undefined;
    const reportPath = this.#reportPath;
    return async (tx, imageOf) => noteListing(tx, this.#row, { source, path, reportPath, imageOf });
  }

  /**
   * Reads all that the attempts before have not. Where the reader dies, it reads on with one image at a time: the next
   * death is that image's fault.
   */
  async #read(given: { folder: string; path: string }, parts: ImportParts): Promise<DatasetApart> {
    for (let atOnce = ahead; ; atOnce = 1) {
      const from = this.#row.dryRun ? null : await parts.find();
      const dataset = await this.#openAsItIs(given.path, () => this.#open(given, from, atOnce));
      // Parts of other data say nothing of these.
      if (from !== null && dataset.first === 0) await parts.clear();
      this.#before = parts.count;
      try {
        await this.#putObjects(dataset, parts);
        return dataset;
      } catch (error) {
        const isUnsure = atOnce > 1 && error instanceof AppError && error.cause instanceof ChildStopped;
        if (!isUnsure) throw error;
        parts.drop();
      }
    }
  }

  /** A file that says what others mean and changed since the listing has it listed again; a picture is left out. */
  async #openAsItIs(path: string, open: () => Promise<DatasetApart>): Promise<DatasetApart> {
    for (let opened = 1; ; opened++) {
      try {
        return await open();
      } catch (error) {
        if (!isFileChanged(error) || opened === openings) throw error;
        const { bucket } = this.#row.options;
        if (bucket) await this.#list(bucket, path);
      }
    }
  }

  async #open(
    { folder, path }: { folder: string; path: string },
    from: DatasetTask["from"],
    atOnce: number,
  ): Promise<DatasetApart> {
    const { maxImagePixels = 64_000_000, maxImagesPerProject } = this.#services;
    await this.#dataset?.close();
    const dataset = await readApart(
      {
        path,
        folder,
        listed: this.#listing !== undefined,
        limits: { maxImages: maxImagesPerProject },
        choices: choicesOf(this.#row.options),
        maxPixels: maxImagePixels,
        reportPath: this.#reportPath,
        from,
        ahead: atOnce,
      },
      this.#signal,
    );
    this.#dataset = dataset;
    const { layout, skipped, notes, images: imagesTotal, first: imagesDone } = dataset;
    const told = { layout, skipped: [...skipped], notes: this.#notesWith(notes) };
    await this.#held.write({ ...told, imagesTotal, imagesDone });
    return dataset;
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
    const told = { skipped: [...skipped], notes: this.#notesWith(notes) };
    await this.#held.write({ imagesDone: summary.images, summary, ...told });
    return summary;
  }

  /** The same where nothing had to be read. */
  async #tellNothing(): Promise<ImportSummary> {
    const summary = { images: 0, annotations: 0, backgroundImages: 0, labels: [], parts: {} };
    await this.#held.write({
      imagesTotal: 0,
      imagesDone: 0,
      summary,
      skipped: [],
      notes: this.#notesWith([]),
    });
    return summary;
  }

  #notesWith(notes: readonly ImportNote[]): ImportNote[] {
    const { bucket } = this.#row.options;
    return bucket && this.#listing ? [listingNote(bucket, this.#listing), ...notes] : [...notes];
  }

  get #reportPath(): string | null {
    return this.#folder === undefined ? null : join(this.#folder, "report.jsonl");
  }

  /** The report, as far as it goes; an import that failed before it was begun has none. */
  async putReport(): Promise<void> {
    const { projectId, id } = this.#row;
    const path = this.#reportPath;
    if (path === null || !existsSync(path)) return;
    const lines = this.#parts?.leftLines(this.#before) ?? [];
    for await (const line of lines) await appendFile(path, line);
    // They are in the file now; an attempt that fails after its end comes here again.
    this.#before = 0;
    if ((await stat(path)).size === 0) return;
    const { store } = this.#services;
    // An attempt before this one may have told as much as it came to.
    await store.delete(keys.importReport(projectId, id));
    await store.putFile(keys.importReport(projectId, id), path, { contentType: "application/x-ndjson" });
  }

  /** Checks every image and mask, and stores the images; nothing refers to them yet. */
  async #putObjects(dataset: DatasetApart, parts: ImportParts): Promise<void> {
    const { dryRun, workspaceId, bytes, options } = this.#row;
    const { db, store, quotas = noQuotas } = this.#services;
    const room = await selectRoom(db, workspaceId, quotas);
    const given = { workspaceId, room, quotas, archiveBytes: options.folder === undefined ? bytes : 0 };
    const placed = (this.#placed = new Placed(db, store, given));
    let imagesDone = dataset.first;
    let lastWrite = performance.now();
    try {
      for await (const one of dataset.items()) {
        this.#signal.throwIfAborted();
        if ("walk" in one) {
          if (dryRun) continue;
          await placed.settled();
          await parts.end(one);
          placed.recent.clear();
          await this.#held.write({ imagesDone });
          continue;
        }
        const { path, alsoNamed: _, ...item } = one;
        await this.#noteFile(item.fileName);
        imagesDone += path === null ? 0 : 1;
        if (!dryRun) parts.add(item);
        if (path !== null)
          await (dryRun
            ? rm(path, { force: true })
            : placed.add(keys.image(this.#row.projectId, item.sha256), path, item));
        if (performance.now() - lastWrite < progressEveryMs) continue;
        lastWrite = performance.now();
        await this.#held.write({ imagesDone });
      }
    } finally {
      // What is under way has to be known before anything is taken back.
      await placed.idle();
    }
    await placed.settled();
    await this.#held.write({ imagesDone });
  }

  /**
   * Whoever deleted the same image between our write and our rows also took its object away: it is put again.
   * From our rows on nobody does so any more.
   */
  async #putMissing(dataset: DatasetApart, { created }: StoredImport): Promise<void> {
    const { store } = this.#services;
    const missing = new Set(created.map(({ sha256 }) => sha256));
    const prefix = keys.imagePrefix(this.#row.projectId);
    for await (const key of missing.size === 0 ? [] : store.list(prefix))
      missing.delete(key.slice(prefix.length));
    if (missing.size === 0) return;
    for await (const part of dataset.items()) {
      if ("walk" in part || part.path === null) continue;
      if (missing.has(part.sha256))
        await store.putFile(keys.image(this.#row.projectId, part.sha256), part.path);
      await rm(part.path, { force: true });
    }
  }

  /** Each file, once an attempt has ended without a word; before that, as often as progress is told. */
  async #noteFile(name: string): Promise<void> {
    const now = performance.now();
    if (this.#row.attempt === 1 && now - this.#lastNote < progressEveryMs) return;
    this.#lastNote = now;
    await this.#held.note(`reading ${name}`);
  }
}
