import {
  selectHeld,
  selectPeriod,
  selectPredictions,
  selectQuotas,
  selectTrainingSeconds,
} from "../db/queries/usage.ts";
import type { ActionContext } from "./context.ts";
import { quotasOf } from "./quotas.ts";

/** What a workspace holds now and has used in this month, predictions that wait to be written among them. */
export async function measureUsage({ db, config, predictionLog }: ActionContext, workspaceId: string) {
  const quotas = await selectQuotas(db, workspaceId, quotasOf(config));
  const held = await selectHeld(db, workspaceId);
  const trainingSeconds = await selectTrainingSeconds(db, workspaceId);
  await predictionLog.flush();
  const predictions = await selectPredictions(db, workspaceId);
  return { quotas, held, trainingSeconds, predictions, period: await selectPeriod(db) };
}
