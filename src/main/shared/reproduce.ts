import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../../config.ts";
import { startEmbeddedPostgres } from "../../db/embedded.ts";
import { channels } from "../../db/listen.ts";
import { migrate } from "../../db/migrate.ts";
import { scopeOfProject } from "../../db/queries/fine-tune-beginning.ts";
import type { ProjectScope } from "../../db/queries/scope.ts";
import { selectFineTuneEvents } from "../../db/queries/fine-tune-events.ts";
import { getVersion } from "../../db/queries/versions.ts";
import { type Place, type Reproduction, reproduceVersion } from "../../jobs/reproduce/reproduce.ts";
import type { TrainerServices } from "../../jobs/services.ts";
import type { Log } from "../../lib/log.ts";
import { Releases } from "../../lib/releases.ts";
import { temporaryFolder } from "../../lib/temporary.ts";
import { createServices, type Services } from "../../services.ts";
import { createEngineOn } from "../../training/engine/create.ts";

interface Asked {
  readonly projectId: string;
  readonly number: number;
  readonly log: Log;
  /** Hears of each step of the training. */
  readonly tell: (text: string) => void;
}

/**
 * Trains a version again in an installation of its own, which is gone afterwards: a Postgres and objects in a temporary
 * folder. Throws what reproduceVersion throws, and AppError project_not_found.
 */
export async function reproduce(config: Config, from: Place, asked: Asked): Promise<Reproduction> {
  const scope = await scopeOfProject(from.db, asked.projectId);
  const { engine } = await getVersion(from.db, scope, asked.number);
  const folder = await temporaryFolder("reproduce");
  const releases = new Releases();
  releases.add("the temporary folder", () => rm(folder, { recursive: true, force: true }));
  try {
    const server = await startEmbeddedPostgres({ dataDir: folder, log: asked.log });
    releases.add("Postgres", () => server.stop());
    await migrate(server.url);
    const apart = { ...config, DATA_DIR: join(folder, "data"), S3_BUCKET: undefined };
    const services = await createServices(apart, { databaseUrl: server.url, log: asked.log });
    releases.add("the services", () => services.close());
    await tellEvents(services, scope, asked.tell);
    const trainer: TrainerServices = {
      ...services,
      createEngine: createEngineOn(config.TRAINER_DEVICE),
      engine: engine === "compiled" || engine === "eager" ? engine : config.TRAINER_ENGINE,
      holder: "reproduce",
      maxImagesPerProject: config.MAX_IMAGES_PER_PROJECT,
      maxImagePixels: config.MAX_IMAGE_PIXELS,
    };
    const { number } = asked;
    return await reproduceVersion(from, trainer, { scope, number, signal: new AbortController().signal });
  } finally {
    await releases.release();
  }
}

/** Passes on what the one fine-tune of an installation tells. */
async function tellEvents(
  { db, listener }: Services,
  { workspaceId }: ProjectScope,
  tell: (text: string) => void,
): Promise<void> {
  let after = 0;
  let telling = Promise.resolve();
  const tellNew = async (fineTuneId: string): Promise<void> => {
    const events = await selectFineTuneEvents(db, { workspaceId, fineTuneId, after, limit: 1000 });
    for (const { id, message } of events) {
      after = id;
      tell(message);
    }
  };
  await listener.watch(channels.fineTuneEvents, (id) => {
    // What can't be told is no fault of the training.
    if (id !== null) telling = telling.then(() => tellNew(id)).catch(() => undefined);
  });
}
