import { setImmediate as breathe } from "node:timers/promises";
import { AppError } from "../lib/errors.ts";
import { sha256 } from "../lib/hash.ts";
import { ImageFinder } from "./find-image.ts";
import { splitGroups } from "./groups.ts";
import { findLayout, type Plan } from "./layout.ts";
import { mergeDuplicates } from "./merge.ts";
import { ownNotes } from "./own-notes.ts";
import type { PlannedImage } from "./plan.ts";
import { layoutUnknown, naming, tooMany } from "./problems.ts";
import { readObjects } from "./read-objects.ts";
import { Report } from "./report.ts";
import { Spool } from "./spool.ts";
import {
  type Dataset,
  type DatasetItem,
  type DatasetOptions,
  defaultChoices,
  type FormatContext,
  type ReadingChoices,
} from "./types.ts";
import { defaultLimits } from "./limits.ts";
import { Verdict } from "./verdict.ts";
import { openZip, type ZipReader } from "./zip.ts";

/**
 * Opens a zip of images and annotations and checks all that its names and its annotation files say: safety, limits, formats,
 * pairing, groups. The pixels are checked while `items` walks: store nothing for good before it has ended, then all in one
 * transaction. Formats: see layout.ts. What is at fault is left out and told, up to `maxSkippedShare` of the entries.
 * Throws AppError import_zip_invalid, import_too_large, import_layout_unknown, import_file_invalid,
 * import_skipped_too_much; a message about a file begins with its name in the zip, which is `param` too.
 */
export async function openDataset(zipPath: string, options: DatasetOptions): Promise<Dataset> {
  const { signal } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const choices: ReadingChoices = { ...defaultChoices, ...options.choices };
  const zip = await openZip(zipPath, limits);
  const report = new Report(options.reportPath ?? null);
  const spools: Spool[] = [];
  let open = true;
  const close = async (): Promise<void> => {
    if (!open) return;
    open = false;
    for (const spool of spools) spool.close();
    report.close();
    await zip.close();
  };
  try {
    const claimed = new Set<string>();
    const context: FormatContext = {
      zip,
      limits,
      choices,
      report,
      finder: new ImageFinder(zip),
      claim: (file) => void claimed.add(file),
      isClaimed: (file) => claimed.has(file),
      openSpool: () => {
        const spool = new Spool(`${zipPath}.spool-${spools.length}`);
        spools.push(spool);
        return spool;
      },
      reading: options.reading,
      signal,
    };
    const { unlabelled } = await ownNotes(context);
    const plan = await findLayout(context);
    if (plan.images.length === 0) throw noImages(plan, zip, report);
    if (plan.images.length > limits.maxImages) throw tooMany(plan.images.length, "images", limits.maxImages);
    const annotations = plan.images.reduce((sum, image) => sum + image.count, 0);
    if (annotations > limits.maxAnnotations) throw tooMany(annotations, "annotations", limits.maxAnnotations);
    const images = await mergeDuplicates(zip, plan.images, signal);
    const groups = await splitGroups(zip, images, options);
    const verdict = new Verdict(report, {
      choices,
      limits,
      layout: plan.layout,
      annotations,
      unread: plan.unread,
    });
    verdict.check();
    let walked = false;
    return {
      layout: plan.layout,
      images: images.length,
      annotations,
      skipped: report.skipped,
      notes: report.notes,
      told: () => ({ skipped: report.skipped, notes: report.notes }),
      items: async function* () {
        // What is left out was told by the first walk.
        const told = walked ? new Report(null) : report;
        walked = true;
        for (const [i, image] of images.entries()) {
          const item = await readItem(context, image, groups[i] ?? null, options, told);
          if (!item) continue;
          if (told === report) verdict.came(item.annotations.length);
          yield unlabelled === null ? item : withoutClass(item, unlabelled);
        }
        if (told === report) verdict.end();
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Annotations of this class have no label. */
const withoutClass = (item: DatasetItem, name: string): DatasetItem => ({
  ...item,
  annotations: item.annotations.map((one) => (one.label === name ? { ...one, label: null } : one)),
});

function noImages({ unread }: Plan, zip: ZipReader, report: Report): AppError {
  const names = [...zip.entries.keys()];
  if (names.length === 0) return layoutUnknown("the zip has no image: it is empty");
  const missing = report.count("image_missing");
  if (missing > 0)
    return layoutUnknown(
      `the zip has annotations (${missing}) but not the images that they are of: put both into one zip`,
    );
  const first = report.firstUnread;
  const what = first && unread > 0 ? `; ${first.file} is ${first.detail}` : "";
  return layoutUnknown(`the zip has no image that is read (JPEG, PNG, TIFF, WebP, BMP, GIF, AVIF)${what}`);
}

/** Null for an image that can't be read, which is told. */
async function readItem(
  { zip, finder }: FormatContext,
  image: PlannedImage,
  splitGroup: string | null,
  options: DatasetOptions,
  report: Report,
): Promise<DatasetItem | null> {
  const { name } = image;
  const { inspect, reading, signal } = options;
  reading?.(name);
  const bytes = await zip.read(name, signal);
  let facts: Awaited<ReturnType<typeof inspect>>;
  try {
    facts = await naming(name, () => inspect(bytes));
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500) throw error;
    const count = Math.max(1, image.count);
    report.leave("image_unreadable", { file: name, count, detail: error.message.slice(name.length + 2) });
    return null;
  }
  if ((facts.pages ?? 1) > 1)
    report.leave("other_pages", {
      file: name,
      count: (facts.pages as number) - 1,
      detail: "the first page is read",
    });
  if (facts.reading !== undefined) report.tell("picture_reading", facts.reading);
  const { annotations, isBackground } = await readObjects(image, { facts, bytes }, report, signal);
  await breathe();
  return {
    fileName: finder.shown(name),
    alsoNamed: image.alsoNamed,
    bytes,
    facts,
    sha256: sha256(bytes),
    splitGroup,
    split: image.split,
    background: isBackground,
    annotations,
  };
}
