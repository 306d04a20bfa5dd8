import type { FineTuneEvent } from "../api/types.ts";
import type { Trial } from "./trial.ts";

export interface Epoch {
  readonly epoch: number;
  readonly loss: number | null;
  readonly iou: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

const asNumber = (value: unknown): number | null => (typeof value === "number" ? value : null);

function epochOf({ data }: FineTuneEvent): Epoch | null {
  const epoch = asNumber(data["epoch"]);
  if (epoch === null) return null;
  return {
    epoch,
    loss: asNumber(data["train_loss"]),
    iou: asNumber(data["selection_iou"]),
    low: asNumber(data["selection_iou_low"]),
    high: asNumber(data["selection_iou_high"]),
  };
}

/** Epochs in their order, each once: an attempt that goes on tells some again. */
export function curveOf(events: readonly FineTuneEvent[]): Epoch[] {
  const byEpoch = new Map<number, Epoch>();
  for (const event of events) {
    const epoch = "trial" in event.data ? null : epochOf(event);
    if (epoch) byEpoch.set(epoch.epoch, epoch);
  }
  return [...byEpoch.values()].sort((a, b) => a.epoch - b.epoch);
}

export const trialsOf = (events: readonly FineTuneEvent[]): Trial[] =>
  events.flatMap(({ data }) => (typeof data["trial"] === "number" ? [data as unknown as Trial] : []));
