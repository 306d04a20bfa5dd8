import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NamedTensor } from "../../src/checkpoint/named-tensors.ts";
import { decodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { type Config, readConfig } from "../../src/config.ts";
import { channels } from "../../src/db/listen.ts";
import { type FineTuneEvent, selectFineTuneEvents } from "../../src/db/queries/fine-tune-events.ts";
import { type FineTune, getFineTune, hasEnded } from "../../src/db/queries/fine-tunes.ts";
import type { ProjectScope } from "../../src/db/queries/scope.ts";
import type { Version } from "../../src/db/queries/versions.ts";
import { annotations, images } from "../../src/db/schema/index.ts";
import { areaOf, boxOf } from "../../src/imaging/geometry.ts";
import { encodeRle } from "../../src/imaging/rle.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { newId } from "../../src/lib/ids.ts";
import { createServices, type Services } from "../../src/services.ts";
import { keys } from "../../src/storage/keys.ts";
import { createEngine } from "../../src/training/engine/create.ts";
import type { TrainerServices } from "../../src/jobs/services.ts";
import type { OpenDatabase } from "../../src/db/client.ts";
import { testDatabase } from "../helpers/database.ts";
import { asPng } from "./images.ts";
import { ringImage } from "./rings.ts";

export interface Bench {
  readonly url: string;
  readonly config: Config;
  readonly services: Services;
  readonly trainer: TrainerServices;
  close(): Promise<void>;
}

/** Database, object store, workers and what the trainer's jobs want of them: all real but the speed, nothing running. */
export async function openBench(of: () => Promise<OpenDatabase> = testDatabase): Promise<Bench> {
  const database = await of();
  const folder = await mkdtemp(join(tmpdir(), "maskwright-scenario-"));
  const config = readConfig({ DATA_DIR: folder, LOG_LEVEL: "silent", DATABASE_URL: database.url });
  const services = await createServices(config, { databaseUrl: database.url });
  const trainer: TrainerServices = {
    ...services,
    createEngine,
    engine: "compiled",
    holder: "test",
    maxImagesPerProject: 100,
    checkpointEveryMs: 0,
    // Timing it takes as long as a training here; test/scenario/trainer.test.ts has it timed.
    speed: { trainMs: 100, slowness: 2 },
  };
  return {
    url: database.url,
    config,
    services,
    trainer,
    close: async () => {
      await services.close();
      await database.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Stores `count` ring images with their masks in a project; `from` makes others than before. */
export async function addRings(
  { services: { db, store } }: Bench,
  scope: ProjectScope,
  count: number,
  from = 1,
): Promise<void> {
  for (let seed = from; seed < from + count; seed++) {
    const { image, mask } = ringImage(seed);
    const bytes = await asPng(image);
    const hash = sha256(bytes);
    const objectKey = keys.image(scope.projectId, hash);
    await store.put(objectKey, bytes);
    const id = newId("img");
    const { width, height } = image;
    await db
      .insert(images)
      .values({ ...scope, id, sha256: hash, objectKey, bytes: bytes.length, format: "png", width, height });
    await db.insert(annotations).values({
      ...scope,
      id: newId("ann"),
      imageId: id,
      counts: encodeRle(mask).counts,
      area: areaOf(mask),
      box: [...boxOf(mask)],
      source: "api",
    });
  }
}

/** Resolves as soon as the job is as `reached` wants it; looks again whenever the database tells of a change. */
export async function waitFor(
  { services: { db, listener } }: Pick<Bench, "services">,
  scope: ProjectScope,
  id: string,
  reached: (row: FineTune, events: FineTuneEvent[]) => boolean = (row) => hasEnded(row.status),
): Promise<{ row: FineTune; events: FineTuneEvent[] }> {
  const found = Promise.withResolvers<{ row: FineTune; events: FineTuneEvent[] }>();
  const look = async (): Promise<void> => {
    const row = await getFineTune(db, scope, id);
    const events = await eventsOf(db, scope, id);
    if (reached(row, events)) found.resolve({ row, events });
  };
  const onHint = (): void => void look().catch(found.reject);
  const unwatch = await Promise.all([
    listener.watch(channels.fineTuneChanged, onHint),
    listener.watch(channels.fineTuneEvents, onHint),
  ]);
  try {
    return await found.promise;
  } finally {
    for (const end of unwatch) end();
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

/** SHA-256 of a version's values alone: the file names its fine-tune. */
export async function valuesOf(
  { services: { store } }: Pick<Bench, "services">,
  version: Version,
): Promise<string> {
  const { tensors } = decodeSafetensors(await store.get(version.weightsKey));
  const names = Object.keys(tensors).sort();
  return sha256(Buffer.concat(names.map((name) => bytesOf((tensors[name] as NamedTensor).data))));
}

export const eventsOf = async (
  db: Services["db"],
  scope: ProjectScope,
  id: string,
): Promise<FineTuneEvent[]> =>
  selectFineTuneEvents(db, { workspaceId: scope.workspaceId, fineTuneId: id, after: 0, limit: 1000 });
