import type { ImportSummary, Part } from "../domain/data-import.ts";
import type { DatasetItem } from "./types.ts";
import type { CountedState } from "./walk-state.ts";

/** Labels that a summary names; more are summed up in none. */
const mostLabels = 100;
/** Labels that a state keeps: it is written every few hundred images. */
const keptLabels = 10_000;

/** Counts what comes. */
export class Counted {
  #images: number;
  #annotations: number;
  #background: number;
  readonly #labels: Map<string | null, number>;
  readonly #parts: Map<Part, number>;

  /** Goes on from what was counted before. */
  constructor(before?: CountedState) {
    this.#images = before?.images ?? 0;
    this.#annotations = before?.annotations ?? 0;
    this.#background = before?.background ?? 0;
    this.#labels = new Map(before?.labels);
    this.#parts = new Map(before?.parts);
  }

  get state(): CountedState {
    return {
      images: this.#images,
      annotations: this.#annotations,
      background: this.#background,
      labels: this.#frequent(keptLabels),
      parts: [...this.#parts],
    };
  }

  add({ annotations, background, split }: Pick<DatasetItem, "annotations" | "background" | "split">): void {
    this.#images++;
    this.#annotations += annotations.length;
    if (background) this.#background++;
    if (split !== null) this.#parts.set(split, (this.#parts.get(split) ?? 0) + 1);
    for (const { label } of annotations) this.#labels.set(label, (this.#labels.get(label) ?? 0) + 1);
  }

  get summary(): ImportSummary {
    const labels = this.#frequent(mostLabels);
    return {
      images: this.#images,
      annotations: this.#annotations,
      backgroundImages: this.#background,
      labels: labels.map(([label, count]) => ({ label, count })),
      parts: Object.fromEntries(this.#parts),
    };
  }

  #frequent(most: number): [string | null, number][] {
    return [...this.#labels].sort(([, a], [, b]) => b - a).slice(0, most);
  }
}
