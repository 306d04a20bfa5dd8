import type { FineTuneEvent } from "../api/types.ts";

export interface Epoch {
  readonly epoch: number;
  readonly loss: number | null;
  readonly iou: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

export interface Trial {
  readonly name: string;
  readonly epochs: readonly Epoch[];
  readonly best: number | null;
  readonly note: string;
}

const asNumber = (value: unknown): number | null => (typeof value === "number" ? value : null);

function epochOf({ data }: FineTuneEvent): Epoch | null {
  const epoch = asNumber(data["epoch"]);
  if (epoch === null) return null;
  const interval = (data["selection_interval"] ?? data["interval"] ?? {}) as {
    low?: unknown;
    high?: unknown;
  };
  return {
    epoch,
    loss: asNumber(data["train_loss"]),
    iou: asNumber(data["selection_iou"]),
    low: asNumber(data["selection_iou_low"] ?? interval.low),
    high: asNumber(data["selection_iou_high"] ?? interval.high),
  };
}

/** The trial that an event belongs to, by name; null for the run itself. */
export function trialOf({ data }: FineTuneEvent): string | null {
  const trial = data["trial"];
  if (typeof trial === "string" || typeof trial === "number") return String(trial);
  if (typeof trial !== "object" || trial === null) return null;
  const { name, id, number } = trial as { name?: unknown; id?: unknown; number?: unknown };
  const found = name ?? id ?? number;
  return typeof found === "string" || typeof found === "number" ? String(found) : "trial";
}

/** Epochs in their order, each once: an attempt that goes on tells some again. */
function epochsOf(events: readonly FineTuneEvent[]): Epoch[] {
  const byEpoch = new Map<number, Epoch>();
  for (const event of events) {
    const epoch = epochOf(event);
    if (epoch) byEpoch.set(epoch.epoch, epoch);
  }
  return [...byEpoch.values()].sort((a, b) => a.epoch - b.epoch);
}

export const mainCurve = (events: readonly FineTuneEvent[]): Epoch[] =>
  epochsOf(events.filter((event) => trialOf(event) === null));

export function trialsOf(events: readonly FineTuneEvent[]): Trial[] {
  const byTrial = Map.groupBy(
    events.filter((event) => trialOf(event) !== null),
    (event) => trialOf(event) ?? "",
  );
  return [...byTrial].map(([name, own]) => {
    const epochs = epochsOf(own);
    const ious = epochs.flatMap(({ iou }) => (iou === null ? [] : [iou]));
    return {
      name,
      epochs,
      best: ious.length > 0 ? Math.max(...ious) : null,
      note: own.at(-1)?.message ?? "",
    };
  });
}
