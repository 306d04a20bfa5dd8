import type { ImportNote, SkippedCount } from "../domain/data-import.ts";
import { closeSync, openSync, writeSync } from "node:fs";

/** What may be left out of a data set, and why; `bad` entries count towards `max_skipped_share`. */
export const leftOutReasons = {
  object_invalid: { bad: true, reason: "the outline or run lengths of an object can't be read" },
  object_empty: { bad: true, reason: "an outline or mask without a pixel of area" },
  object_outside: { bad: true, reason: "an object that lies outside of its image" },
  size_differs: { bad: true, reason: "a mask of another size than its image" },
  mask_unreadable: { bad: true, reason: "a mask file that can't be read as one" },
  mask_without_image: { bad: true, reason: "a mask whose image is not there" },
  image_missing: { bad: true, reason: "annotations of an image that is not there" },
  image_unreadable: { bad: true, reason: "an image that can't be read" },
  file_changed: {
    bad: true,
    reason: "a file that had changed, was gone or was not given out when it was to be read",
  },
  entry_invalid: { bad: true, reason: "an entry of an annotation file that can't be read" },
  box_only: { bad: false, reason: "a box outlines no object: only masks and polygons are annotations" },
  shape_unsupported: { bad: false, reason: "a point, line or other shape that outlines no object" },
  crowd: { bad: false, reason: "COCO annotations with iscrowd hold many objects, not one" },
  union: { bad: false, reason: "a mask that is the union of masks which are there one by one" },
  duplicate: { bad: false, reason: "an object that is there twice" },
  same_image: { bad: false, reason: "a picture that is there under another name" },
  prediction: { bad: false, reason: "a prediction that nobody has looked at" },
  cancelled: { bad: false, reason: "an annotation that was skipped by its annotator" },
  other_annotator: { bad: false, reason: "another annotator's annotation of the same image" },
  rendered: { bad: false, reason: "a mask beside an annotation file that has the same image's objects" },
  drawing: { bad: false, reason: "a picture with masks drawn over it" },
  other_pages: { bad: false, reason: "pages of a picture after its first" },
  unread: { bad: false, reason: "a file that is no image and no annotation that is read" },
} as const;
export type LeftOut = keyof typeof leftOutReasons;

/** One thing that was left out. */
export interface LeftOutEntry {
  /** In the zip. */
  readonly file: string;
  /** Counts from 1. */
  readonly line?: number | undefined;
  /** What the file itself calls it. */
  readonly id?: string | undefined;
  /** What is wrong with this one. */
  readonly detail?: string | undefined;
  /** How many objects it stands for. */
  readonly count?: number | undefined;
}

/** Entries that any data set may have at fault: a share of few says little. */
export const fewBad = 10;
export const defaultSkippedShare = 0.1;

/** How far a report has come, as plain data. */
export interface ReportState {
  readonly counts: readonly (readonly [LeftOut, number])[];
  readonly notes: readonly (readonly [string, { readonly count: number; readonly message: string }])[];
  readonly firstBad: (LeftOutEntry & { readonly code: LeftOut }) | null;
  readonly firstUnread: LeftOutEntry | null;
}

/**
 * What a data set's reading left out and decided: counted by reason, each entry written to a file as a line of JSON
 * {code, file, line, id, detail, count}.
 */
export class Report {
  readonly #counts = new Map<LeftOut, number>();
  readonly #notes = new Map<string, { count: number; message: string }>();
  readonly #fd: number | null;
  #lines: string[] = [];
  /** Since they were last taken; null until somebody wants them. */
  #recent: string[] | null = null;
  #firstBad: (LeftOutEntry & { code: LeftOut }) | undefined;
  #firstUnread: LeftOutEntry | undefined;

  /** Entries go to the file at `path`, which is made anew; with null they are only counted. */
  constructor(path: string | null) {
    this.#fd = path === null ? null : openSync(path, "w", 0o600);
  }

  leave(code: LeftOut, entry: LeftOutEntry): void {
    const { count = 1 } = entry;
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + count);
    if (leftOutReasons[code].bad) this.#firstBad ??= { code, ...entry };
    if (code === "unread") this.#firstUnread ??= entry;
    if (this.#fd === null) return;
    const line = `${JSON.stringify({ code, reason: leftOutReasons[code].reason, ...entry })}\n`;
    this.#lines.push(line);
    this.#recent?.push(line);
    if (this.#lines.length >= 1000) this.#flush();
  }

  tell(code: string, message: string, count = 1): void {
    const note = this.#notes.get(code);
    if (note) note.count += count;
    else this.#notes.set(code, { count, message });
  }

  get skipped(): (SkippedCount & { code: LeftOut })[] {
    return [...this.#counts].map(([code, count]) => ({ code, count, reason: leftOutReasons[code].reason }));
  }

  get notes(): ImportNote[] {
    return [...this.#notes].map(([code, { count, message }]) => ({ code, count, message }));
  }

  /** Entries at fault. */
  get bad(): number {
    return this.skipped.reduce((sum, { code, count }) => sum + (leftOutReasons[code].bad ? count : 0), 0);
  }

  get firstBad(): (LeftOutEntry & { code: LeftOut }) | undefined {
    return this.#firstBad;
  }

  get firstUnread(): LeftOutEntry | undefined {
    return this.#firstUnread;
  }

  count(code: LeftOut): number {
    return this.#counts.get(code) ?? 0;
  }

  get state(): ReportState {
    return {
      counts: [...this.#counts],
      notes: [...this.#notes],
      firstBad: this.#firstBad ?? null,
      firstUnread: this.#firstUnread ?? null,
    };
  }

  /** Goes on from where an earlier reading of the same data stood; its entries are not written again. */
  restore({ counts, notes, firstBad, firstUnread }: ReportState): void {
    for (const [code, count] of counts) this.#counts.set(code, count);
    for (const [code, note] of notes) this.#notes.set(code, { ...note });
    this.#firstBad = firstBad ?? undefined;
    this.#firstUnread = firstUnread ?? undefined;
  }

  /** The lines that came since this was last asked; none of those before it was first asked. */
  takeLines(): string[] {
    const lines = this.#recent ?? [];
    this.#recent = [];
    return lines;
  }

  #flush(): void {
    if (this.#fd !== null && this.#lines.length > 0) writeSync(this.#fd, this.#lines.join(""));
    this.#lines = [];
  }

  /** Writes what is still held; nothing may be left out after it. */
  close(): void {
    this.#flush();
    if (this.#fd !== null) closeSync(this.#fd);
  }
}
