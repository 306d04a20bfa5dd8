import type { PreviewResult } from "../../domain/preview.ts";
import type { ObjectStore } from "../../storage/store.ts";
import { readColours } from "./colours.ts";
import { findInMarks, marksOf } from "./marks.ts";
import { findOutliers } from "./outliers.ts";
import { type ProjectData, readProject, type StoredProject } from "./project-data.ts";
import { report } from "./report.ts";

export interface Checked extends Pick<PreviewResult, "findings" | "finding_counts"> {
  readonly data: ProjectData;
  /** Whether a fine-tune would fail or learn nonsense. */
  readonly broken: boolean;
}

/** Looks at a project's annotations and images as they are now, and says what is wrong with them. Trains nothing. */
export async function checkProject(
  store: ObjectStore,
  project: StoredProject,
  options: { signal: AbortSignal; onImage?: (done: number, images: number) => Promise<void> },
): Promise<Checked> {
  const data = await readProject(store, project);
  const marks = marksOf(data.snapshot);
  const images = data.snapshot.images.length;
  const { colours, unreadable } = await readColours(store, marks, {
    signal: options.signal,
    onImage: async (done) => options.onImage?.(done, images),
  });
  const found = [...data.found, ...unreadable, ...findInMarks(marks), ...findOutliers(marks, colours)];
  const told = report(found, marks.length);
  return { ...told, data, broken: told.findings.some(({ severity }) => severity === "error") };
}
