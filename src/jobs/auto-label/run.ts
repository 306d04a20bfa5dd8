import { autoLabelLeases } from "../../db/queries/leases.ts";
import type { autoLabels } from "../../db/schema/index.ts";
import { giveUp } from "../give-up.ts";
import { Held } from "../held.ts";
import { runLeased } from "../run-leased.ts";
import type { TrainerServices } from "../services.ts";
import type { Turns } from "../turns.ts";
import { AutoLabelRun, type AutoLabelServices } from "./attempt.ts";

/** One attempt at an auto-label; see runLeased for when it resolves and when it rejects. */
export async function runAutoLabel(
  services: AutoLabelServices,
  { id, signal, turns }: { id: string; signal: AbortSignal; turns: Pick<Turns, "untilIdle"> },
): Promise<void> {
  const { db } = services;
  await runLeased(services, {
    leases: autoLabelLeases,
    id,
    kind: "auto_label",
    name: "an auto-label",
    signal,
    hold: (lease): Held<typeof autoLabels> => new Held(db, autoLabelLeases, lease),
    work: async (row, held, log) => {
      const { found, imagesDone } = await new AutoLabelRun(services, row, { held, signal, turns }).run();
      log.info({ images: imagesDone, found }, "an auto-label succeeded");
    },
  });
}

/** Ends an auto-label that the queue gave up after its last attempt failed or died. What was found stays. */
export async function giveUpAutoLabel(
  { db }: Pick<TrainerServices, "db">,
  id: string,
  attempts: number,
  error?: unknown,
): Promise<void> {
  await giveUp(db, autoLabelLeases, { id, attempts }, error);
}
