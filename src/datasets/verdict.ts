import { AppError } from "../lib/errors.ts";
import { placeText } from "./plan.ts";
import { layoutUnknown, fileError, tooMany } from "./problems.ts";
import { defaultSkippedShare, fewBad, leftOutReasons, type Report } from "./report.ts";
import type { ReadingChoices } from "./types.ts";
import type { DatasetLimits } from "./limits.ts";

interface Judged {
  readonly choices: ReadingChoices;
  readonly limits: DatasetLimits;
  readonly layout: string;
  /** Masks and annotations that were planned. */
  readonly annotations: number;
  /** Files that nobody read. */
  readonly unread: number;
}

/** Whether so much of a data set is at fault that it is not taken. */
export class Verdict {
  readonly #report: Report;
  readonly #judged: Judged;
  #came = 0;

  constructor(report: Report, judged: Judged) {
    this.#report = report;
    this.#judged = judged;
  }

  /** Before pixels are read: whether there is anything to read. Throws AppError. */
  check(): void {
    if (this.#judged.annotations === 0) this.#nothing();
  }

  /** Counts the annotations of one image. Throws AppError import_too_large. */
  came(annotations: number): void {
    this.#came += annotations;
    const { maxAnnotations } = this.#judged.limits;
    if (this.#came > maxAnnotations) throw tooMany(this.#came, "annotations", maxAnnotations);
  }

  /** After the last image. Throws AppError import_skipped_too_much, import_layout_unknown or import_file_invalid. */
  end(): void {
    if (this.#came === 0) this.#nothing();
    const { bad } = this.#report;
    const { maxSkippedShare } = this.#judged.choices;
    const share = maxSkippedShare ?? defaultSkippedShare;
    const allowed = Math.max(
      maxSkippedShare === undefined ? fewBad : 0,
      Math.floor(share * (bad + this.#came)),
    );
    if (bad <= allowed) return;
    const first = this.#report.firstBad;
    throw new AppError(
      "import_skipped_too_much",
      `${bad} of ${bad + this.#came} entries are at fault, more than max_skipped_share (${share}) lets pass: ` +
        `${this.#counts()}. The first: ${this.#first()}. The import's report lists all.`,
      first && { param: first.file },
    );
  }

  /** No annotation came: that is fair where nothing was meant to be one. */
  #nothing(): void {
    const { bad, firstBad, firstUnread, skipped } = this.#report;
    const told = skipped.filter(
      ({ code }) => code !== "unread" && code !== "other_pages" && code !== "drawing",
    );
    if (bad === 0 && told.length === 0 && this.#judged.unread === 0) return;
    if (firstBad)
      throw fileError(
        firstBad.file,
        `${this.#first().slice(firstBad.file.length + 2)} (nothing else is there)`,
      );
    const what = told.length > 0 ? `: ${this.#counts()}` : "";
    const unread = firstUnread ? `; ${firstUnread.file} was not read: ${firstUnread.detail}` : "";
    throw layoutUnknown(
      `the zip has not one mask or outline to learn from${what}${unread}. Masks are pictures of the images' names, or ` +
        "annotations of COCO, YOLO, LabelMe, CVAT and others: see docs/imports.md",
    );
  }

  #counts(): string {
    return this.#report.skipped
      .map(({ code, count }) => `${count} x ${leftOutReasons[code].reason}`)
      .join("; ");
  }

  #first(): string {
    const { firstBad } = this.#report;
    if (!firstBad) return "";
    return `${placeText(firstBad)}: ${firstBad.detail ?? leftOutReasons[firstBad.code].reason}`;
  }
}
