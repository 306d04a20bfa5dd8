import type { ImportSummary, Part } from "../domain/data-import.ts";
import type { DatasetItem } from "./types.ts";

/** Labels that a summary names; more are summed up in none. */
const mostLabels = 100;

/** Counts what comes. */
export class Counted {
  #images = 0;
  #annotations = 0;
  #background = 0;
  readonly #labels = new Map<string | null, number>();
  readonly #parts = new Map<Part, number>();

  add({ annotations, background, split }: Pick<DatasetItem, "annotations" | "background" | "split">): void {
    this.#images++;
    this.#annotations += annotations.length;
    if (background) this.#background++;
    if (split !== null) this.#parts.set(split, (this.#parts.get(split) ?? 0) + 1);
    for (const { label } of annotations) this.#labels.set(label, (this.#labels.get(label) ?? 0) + 1);
  }

  get summary(): ImportSummary {
    const labels = [...this.#labels].sort(([, a], [, b]) => b - a).slice(0, mostLabels);
    return {
      images: this.#images,
      annotations: this.#annotations,
      backgroundImages: this.#background,
      labels: labels.map(([label, count]) => ({ label, count })),
      parts: Object.fromEntries(this.#parts),
    };
  }
}
