import type { Part } from "../domain/data-import.ts";
import type { ReportState } from "./report.ts";

/** Where a walk stands after an image, as plain data. */
export interface WalkState {
  /** Place of the next image. */
  readonly next: number;
  /** Name of the image before it. */
  readonly last: string;
  /** Images in all. */
  readonly planned: number;
  /** Annotations that came. */
  readonly came: number;
  readonly report: ReportState;
}

export interface WalkOptions {
  /** Where another walk of the same data stood; a state of other data is passed over. */
  readonly from?: WalkState | null | undefined;
  /** Images that are open at once, at least 1: with one, whatever ends this process is that image's fault. */
  readonly ahead?: number | undefined;
}

/** What was counted, as plain data. */
export interface CountedState {
  readonly images: number;
  readonly annotations: number;
  readonly background: number;
  readonly labels: readonly (readonly [string | null, number])[];
  readonly parts: readonly (readonly [Part, number])[];
}
