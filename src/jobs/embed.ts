import { selectImageToEmbed } from "../db/queries/image-to-embed.ts";
import { isFinal } from "./run-leased.ts";
import { embedMissing } from "../training/data/embed-missing.ts";
import type { TrainerServices } from "./services.ts";
import type { Turns } from "./turns.ts";

/**
 * Embeds one image ahead of need, unless it has an embedding or is gone. Waits while a fine-tune has the machine.
 * Rejects when the queue shall try again.
 */
export async function runEmbed(
  services: TrainerServices,
  job: { imageId: string; projectId: string; signal: AbortSignal; turns: Turns },
): Promise<void> {
  const image = await selectImageToEmbed(services.db, job.projectId, job.imageId);
  if (!image) return;
  const { workspaceId, baseModel } = image;
  try {
    await embedMissing(services, [{ id: job.imageId, ...image }], {
      workspaceId,
      baseModel,
      signal: job.signal,
      before: async () => job.turns.untilIdle(job.signal),
    });
  } catch (error) {
    // Whoever needs the image will be told; here nobody waits for an answer.
    if (job.signal.aborted || !isFinal(error)) throw error;
    services.log.warn({ image: job.imageId, err: error }, "an image can't be embedded");
  }
}
