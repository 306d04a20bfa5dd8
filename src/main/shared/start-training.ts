import type { Releases } from "../../lib/releases.ts";
import { createQueue } from "../../queue/queue.ts";
import type { Services } from "../../services.ts";
import { startHousekeeping } from "./housekeeping.ts";
import { createEngineOn } from "../../training/engine/create.ts";
import type { EngineName } from "../../training/engine/types.ts";
import { startTrainer } from "../../jobs/trainer.ts";
import { workWebhooks } from "../../webhooks/work.ts";

/** Until a job is handed back that does not stop by itself. */
const graceMs = 5000;

/**
 * Takes training jobs and messages to webhooks. Stopping gives what runs back to the queue. `engine`: the one that was
 * proved; left out, the settings'.
 */
export async function startTraining(
  services: Services,
  databaseUrl: string,
  releases: Releases,
  engine?: EngineName,
): Promise<void> {
  const { config, log } = services;
  const queue = await createQueue({ databaseUrl, log });
  releases.add("the queue", () => queue.stop({ graceMs }));
  startHousekeeping(services, releases);
  await workWebhooks(services, queue, { allowPrivate: config.WEBHOOK_ALLOW_PRIVATE });
  await startTrainer(services, queue, {
    createEngine: createEngineOn(config.TRAINER_DEVICE),
    engine: engine ?? config.TRAINER_ENGINE,
    maxImagesPerProject: config.MAX_IMAGES_PER_PROJECT,
    maxImagePixels: config.MAX_IMAGE_PIXELS,
    quotas: {
      images: config.QUOTA_IMAGES ?? null,
      bytes: config.QUOTA_BYTES ?? null,
      trainingMinutes: config.QUOTA_TRAINING_MINUTES ?? null,
    },
    checkpointEveryMs: config.CHECKPOINT_SECONDS * 1000,
  });
}
