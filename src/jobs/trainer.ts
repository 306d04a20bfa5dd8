import { hostname } from "node:os";
import type { Queue } from "../queue/queue.ts";
import { createEngine } from "../training/engine/create.ts";
import { giveUpPreview, runPreview } from "./preview/run.ts";
import { giveUpAutoLabel, runAutoLabel } from "./auto-label/run.ts";
import { runEmbed } from "./embed.ts";
import { giveUpFineTune, runFineTune } from "./fine-tune/run.ts";
import { giveUpImport, runImport } from "./import/run.ts";
import type { ProcessServices, TrainerServices } from "./services.ts";
import { Turns } from "./turns.ts";

export interface Trainer {
  /** Aborts what runs and gives it back to the queue; the queue is stopped then. */
  stop(): Promise<void>;
}

/** Takes fine-tunes, imports, previews, auto-labels and embeds from the queue, one of each kind at a time. */
export async function startTrainer(
  services: ProcessServices,
  queue: Queue,
  options: Pick<
    TrainerServices,
    "engine" | "maxImagesPerProject" | "maxImagePixels" | "quotas" | "checkpointEveryMs"
  > &
    Partial<Pick<TrainerServices, "createEngine">>,
): Promise<Trainer> {
  const { log } = services;
  const context: TrainerServices = {
    ...services,
    createEngine,
    ...options,
    holder: `${hostname()}:${process.pid}`,
  };
  const turns = new Turns();
  await queue.work(
    "fine_tune",
    async ({ id, signal }) => turns.during(async () => runFineTune(context, id, signal)),
    { onExhausted: async ({ id, attempts }, error) => giveUpFineTune(context, id, attempts, error) },
  );
  await queue.work(
    "import",
    async ({ id, projectId, signal }) => {
      await queue.sendEmbeds(projectId, await runImport(context, id, signal));
    },
    { onExhausted: async ({ id, attempts }, error) => giveUpImport(context, id, attempts, error) },
  );
  await queue.work(
    "preview",
    async ({ id, signal }) => turns.during(async () => runPreview(context, id, signal)),
    { onExhausted: async ({ id, attempts }, error) => giveUpPreview(context, id, attempts, error) },
  );
  await queue.work("auto_label", async ({ id, signal }) => runAutoLabel(context, { id, signal, turns }), {
    onExhausted: async ({ id, attempts }, error) => giveUpAutoLabel(context, id, attempts, error),
  });
  await queue.work("embed", async ({ id, projectId, signal }) =>
    runEmbed(context, { imageId: id, projectId, signal, turns }),
  );
  log.info({ holder: context.holder, engine: options.engine }, "the trainer takes jobs");
  return { stop: async () => queue.stop() };
}
