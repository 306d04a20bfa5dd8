import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { readConfig } from "../../../src/config.ts";
import { startEmbeddedPostgres } from "../../../src/db/embedded.ts";
import { selectFineTuneEvents } from "../../../src/db/queries/fine-tune-events.ts";
import { getFineTune, insertFineTune } from "../../../src/db/queries/fine-tunes.ts";
import { getImport, insertImport } from "../../../src/db/queries/imports.ts";
import { selectAnnotatedImages } from "../../../src/db/queries/annotated-images.ts";
import { getProject, insertProject } from "../../../src/db/queries/projects.ts";
import type { ProjectScope } from "../../../src/db/queries/scope.ts";
import {
  asJudged as asJudgedOf,
  getTunedVersion,
  type TunedVersion,
} from "../../../src/db/queries/versions.ts";
import { workspaces } from "../../../src/db/schema/index.ts";
import { newId } from "../../../src/lib/ids.ts";
import { createLog } from "../../../src/lib/log.ts";
import type { Releases } from "../../../src/lib/releases.ts";
import { buildGraphs } from "../../../src/graphs/build.ts";
import { startServices } from "../../../src/main/shared/start.ts";
import { deleteBelow } from "../../../src/storage/delete-below.ts";
import { keys } from "../../../src/storage/keys.ts";
import { embedMissing } from "../../../src/training/data/embed-missing.ts";
import { createEngine } from "../../../src/training/engine/create.ts";
import type { EngineName } from "../../../src/training/engine/types.ts";
import { scoreVersions } from "../../../src/training/evaluation/box-scores.ts";
import type { Score } from "../../../src/training/evaluation/score.ts";
import { type PreparedData, prepareData } from "../../../src/training/data/prepare.ts";
import { runFineTune } from "../../../src/jobs/fine-tune/run.ts";
import { runImport } from "../../../src/jobs/import/run.ts";
import type { TrainerServices } from "../../../src/jobs/services.ts";
import type { Progress } from "./progress.ts";

/** Embeddings are shared inside a workspace, so a name that stays finds them again in the cache. */
const workspaceId = "ws_quality";
const baseModel = "mobile_sam";

export interface FineTuned {
  readonly version: TunedVersion;
  /** Whether the project's own gate let it go live, and what it said. */
  readonly promoted: boolean;
  readonly said: string;
  /** Seconds from the claim of the job to its end, and in each of its phases as its progress told. */
  readonly seconds: number;
  readonly phases: Readonly<Record<string, number>>;
}

/**
 * The product without its API and queue: an embedded Postgres that is thrown away, an object store in the cache folder,
 * inference, and the trainer's own jobs. What they do here is what they do for a user.
 */
export class Product {
  readonly trainer: TrainerServices;
  readonly #progress: Progress;
  readonly #signal: AbortSignal;

  private constructor(trainer: TrainerServices, progress: Progress, signal: AbortSignal) {
    this.trainer = trainer;
    this.#progress = progress;
    this.#signal = signal;
  }

  static async open(options: {
    cache: string;
    engine: EngineName | "auto";
    releases: Releases;
    progress: Progress;
    signal: AbortSignal;
  }): Promise<Product> {
    const { cache, engine, releases, progress, signal } = options;
    const log = createLog({ level: "error", name: "bench" });
    await buildGraphs();
    await mkdir(cache, { recursive: true });
    const folder = await mkdtemp(join(tmpdir(), "maskwright-quality-"));
    releases.add("the database's folder", () => rm(folder, { recursive: true, force: true }));
    // A root run starts Postgres as another user, who has to get in.
    await chmod(folder, 0o755);
    const settings = { fsync: "off", synchronous_commit: "off", full_page_writes: "off" };
    const postgres = await startEmbeddedPostgres({ dataDir: folder, log, settings });
    releases.add("Postgres", () => postgres.stop());
    const config = { ...readConfig(), DATA_DIR: cache, S3_BUCKET: undefined };
    const services = await startServices({ config, databaseUrl: postgres.url, log, releases });
    await services.db.insert(workspaces).values({ id: workspaceId, name: "bench" });
    const trainer: TrainerServices = {
      ...services,
      createEngine,
      engine,
      holder: "bench",
      maxImagesPerProject: config.MAX_IMAGES_PER_PROJECT,
    };
    return new Product(trainer, progress, signal);
  }

  /** A project of its own with the zip's images and masks, as an import makes it. Throws what the import found wrong. */
  async newProject(
    name: string,
    zip: { path: string; bytes: number },
    releases: Releases,
  ): Promise<ProjectScope> {
    const { db, store } = this.trainer;
    const scope = { workspaceId, projectId: newId("prj") };
    releases.add(`the objects of ${name}`, () => deleteBelow(store, keys.projectPrefix(scope.projectId)));
    await insertProject(db, { id: scope.projectId, workspaceId, name, baseModel });
    const id = newId("imp");
    const objectKey = keys.importZip(scope.projectId, id);
    await store.putFile(objectKey, zip.path);
    await insertImport(db, { ...scope, id, objectKey, bytes: zip.bytes, fileName: null });
    await runImport(this.trainer, id, this.#signal);
    const done = await getImport(db, scope, id);
    if (done.status !== "succeeded")
      throw new Error(`the data could not be read: ${done.error?.message ?? done.status}`);
    return scope;
  }

  /** The split and samples that every fine-tune of this project works on. */
  async prepare(scope: ProjectScope, seed: number): Promise<PreparedData> {
    const { db, store } = this.trainer;
    const annotated = async () => selectAnnotatedImages(db, scope);
    return prepareData(store, await getProject(db, scope), { hyperparameters: {}, seed, annotated });
  }

  /** Encodes what the cache lacks; how many images that were, and how long it took. */
  async embed(data: PreparedData): Promise<{ made: number; cached: number; seconds: number }> {
    const started = performance.now();
    const images = data.frozen.snapshot.images;
    const made = await embedMissing(
      this.trainer,
      images.map((image) => ({ id: image.id, sha256: image.sha256, objectKey: image.object_key })),
      {
        workspaceId,
        baseModel,
        signal: this.#signal,
        onDone: async (done) => this.#progress.at("embeddings", done, images.length),
      },
    );
    return { made, cached: images.length - made, seconds: (performance.now() - started) / 1000 };
  }

  /** One fine-tune from its row to its version, by the job that the trainer runs. Throws what the job failed of. */
  async fineTune(
    scope: ProjectScope,
    job: { name: string; hyperparameters: Record<string, unknown>; seed: number },
  ): Promise<FineTuned> {
    const { db } = this.trainer;
    const id = newId("ft");
    const { hyperparameters, seed } = job;
    await insertFineTune(db, { ...scope, id, hyperparameters, baseVersion: null, seed });
    const watch = this.#watch(scope, id, job.name);
    const started = performance.now();
    try {
      await runFineTune(this.trainer, id, this.#signal);
    } finally {
      await watch.stop();
    }
    const seconds = (performance.now() - started) / 1000;
    const row = await getFineTune(db, scope, id);
    if (row.status !== "succeeded" || row.resultVersion === null)
      throw new Error(`${job.name}: ${row.error?.message ?? row.status}`);
    const version = await getTunedVersion(db, scope, row.resultVersion);
    const { activeVersion } = await getProject(db, scope);
    const promoted = activeVersion === version.number;
    return { version, promoted, said: watch.last(), seconds, phases: watch.phases };
  }

  /**
   * The base and a version on every test sample, exact boxes, each list in the order of `data.heldOut`: as it is served,
   * and as it was judged. A fine-tune that looks closer is judged by as many as its budget encodes; here all are encoded,
   * after it and beside its seconds.
   */
  async scoreAll(
    data: PreparedData,
    version: TunedVersion,
  ): Promise<{ base: Score[]; tuned: Score[]; asJudged: Score[] }> {
    const { heldOut } = data;
    const [base, tuned, asJudged] = await scoreVersions(this.trainer, heldOut, {
      workspaceId,
      baseModel,
      signal: this.#signal,
      versions: [{ number: 0 }, version, asJudgedOf(version)],
      onDone: async (done) => this.#progress.at("all test samples", done, heldOut.length),
    });
    if (!base || !tuned || !asJudged) throw new Error("a version was not scored");
    return { base, tuned, asJudged };
  }

  /** Shows the job's progress and events, and adds up how long it stays in each phase, to a quarter of a second. */
  #watch(scope: ProjectScope, id: string, name: string) {
    const { db } = this.trainer;
    const phases: Record<string, number> = {};
    const over = new AbortController();
    let after = 0;
    let last = "";
    const look = async (): Promise<string> => {
      const events = await selectFineTuneEvents(db, { workspaceId, fineTuneId: id, after, limit: 1000 });
      for (const event of events) {
        after = event.id;
        last = event.message;
        this.#progress.say(`  ${name}: ${event.message}`);
      }
      const { progress } = await getFineTune(db, scope, id);
      if (progress) this.#progress.at(`${name}: ${progress.phase}`, progress.done, progress.total);
      return progress?.phase ?? "prepare";
    };
    const loop = async (): Promise<void> => {
      let since = performance.now();
      while (!over.signal.aborted) {
        const phase = await look();
        await pause(250, undefined, { signal: over.signal }).catch(() => undefined);
        const now = performance.now();
        phases[phase] = (phases[phase] ?? 0) + (now - since) / 1000;
        since = now;
      }
      await look();
    };
    const running = loop();
    return {
      phases,
      last: () => last,
      stop: async () => {
        over.abort();
        await running;
      },
    };
  }
}
