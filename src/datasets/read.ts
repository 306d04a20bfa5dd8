import { AppError } from "../lib/errors.ts";
import { ImageFinder } from "./find-image.ts";
import { splitGroups } from "./groups.ts";
import { findLayout, type Plan } from "./layout.ts";
import { mergeDuplicates } from "./merge.ts";
import { ownNotes } from "./own-notes.ts";
import type { PlannedImage } from "./plan.ts";
import { goesOn, openedAhead, type OpenedImage } from "./walk.ts";
import type { WalkOptions } from "./walk-state.ts";
import { isFileChanged, layoutUnknown, tooMany } from "./problems.ts";
import { readObjects } from "./read-objects.ts";
import { Report } from "./report.ts";
import { Spool, SpoolRoom } from "./spool.ts";
import {
  type Dataset,
  type DatasetItem,
  type DatasetOptions,
  defaultChoices,
  type FormatContext,
  type ReadingChoices,
} from "./types.ts";
import { defaultLimits } from "./limits.ts";
import { unpackTables } from "./tables/unpack.ts";
import { Verdict } from "./verdict.ts";
import type { ArchiveReader } from "./archive.ts";
import { openListed } from "./listed.ts";
import { partSettled } from "./settled.ts";
import { openArchive } from "./open-archive.ts";
import { readFormats } from "../imaging/sniff.ts";

/**
 * Opens a zip, TAR or folder of images and annotations and checks all that its names and its annotation files say: safety, limits, formats,
 * pairing, groups. The pixels are checked while `items` walks: store nothing for good before it has ended, then all in one
 * transaction. Formats: see layout.ts. What is at fault is left out and told, up to `maxSkippedShare` of the entries.
 * Throws AppError import_zip_invalid, import_too_large, import_layout_unknown, import_file_invalid,
 * import_skipped_too_much; a message about a file begins with its name in the zip, which is `param` too.
 */
export async function openDataset(path: string, options: DatasetOptions): Promise<Dataset> {
  const { signal } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const choices: ReadingChoices = { ...defaultChoices, ...options.choices };
  const work = options.work ?? path;
  const archive = options.listed
    ? await openListed(path, { limits, signal, work })
    : await openArchive(path, { limits, signal, work: `${work}.tar` });
  const report = new Report(options.reportPath ?? null);
  let zip = archive;
  for (const entry of archive.left) report.leave("unread", entry);
  const spools: Spool[] = [];
  const spoolRoom = new SpoolRoom(spoolBytes);
  let open = true;
  const close = async (): Promise<void> => {
    if (!open) return;
    open = false;
    for (const spool of spools) spool.close();
    report.close();
    await zip.close();
  };
  try {
    const { reading } = options;
    const unpacked = await unpackTables(archive, { limits, work, report, reading, signal });
    const { tables } = unpacked;
    zip = unpacked.zip;
    const claimed = new Set<string>();
    const context: FormatContext = {
      zip,
      tables,
      limits,
      choices,
      report,
      finder: new ImageFinder(zip),
      claim: (file) => void claimed.add(file),
      isClaimed: (file) => claimed.has(file),
      openSpool: () => {
        const spool = new Spool(`${work}.spool-${spools.length}`, spoolRoom);
        spools.push(spool);
        return spool;
      },
      reading,
      signal,
    };
    const { unlabelled } = await ownNotes(context);
    const plan = await findLayout(context);
    if (plan.images.length === 0) throw noImages(plan, zip, report);
    if (plan.images.length > limits.maxImages) throw tooMany(plan.images.length, "images", limits.maxImages);
    const { open: fresh, settled } = await partSettled(zip, plan.images, signal);
    if (settled.length > 0) report.tell("there_already", thereAlready, settled.length);
    const annotations = fresh.reduce((sum, image) => sum + image.count, 0);
    if (annotations > limits.maxAnnotations) throw tooMany(annotations, "annotations", limits.maxAnnotations);
    const images = await mergeDuplicates(zip, fresh, signal);
    // Settled ones count: a name says how an image is grouped beside all others.
    const groups = (await splitGroups(zip, [...images, ...settled], options)).slice(0, images.length);
    const verdict = new Verdict(report, {
      choices,
      limits,
      layout: plan.layout,
      annotations,
      unread: plan.unread,
    });
    if (images.length > 0) verdict.check();
    let walked = false;
    let [next, came] = [0, 0];
    return {
      layout: plan.layout,
      images: images.length,
      annotations,
      skipped: report.skipped,
      notes: report.notes,
      goesOn: (from) => goesOn(from, images),
      told: () => ({ skipped: report.skipped, notes: report.notes }),
      state: () => ({
        next,
        last: images[next - 1]?.name ?? "",
        planned: images.length,
        came,
        report: report.state,
      }),
      takeLines: () => report.takeLines(),
      items: async function* ({ from = null, ahead = 1 }: WalkOptions = {}) {
        // What is left out was told by the first walk.
        const told = walked ? new Report(null) : report;
        walked = true;
        let first = 0;
        if (from && goesOn(from, images)) {
          ({ next, came } = from);
          first = next;
          told.restore(from.report);
          verdict.came(came);
        }
        report.takeLines();
        for await (const { place, image, opened } of openedAhead(context, images, options, {
          next: first,
          ahead,
        })) {
          const item = await readItem(context, image, groups[place] ?? null, opened, told);
          if (told === report) [next, came] = [place + 1, came + (item?.annotations.length ?? 0)];
          if (!item) continue;
          if (told === report) verdict.came(item.annotations.length);
          yield unlabelled === null ? item : withoutClass(item, unlabelled);
        }
        if (told === report && images.length > 0) verdict.end();
      },
      pick: async function* (places) {
        const some = places.map((place) => images[place] as PlannedImage);
        for await (const { place, image, opened } of openedAhead(context, some, options, {
          next: 0,
          ahead: 1,
        })) {
          const group = groups[places[place] as number] ?? null;
          const item = await readItem(context, image, group, opened, new Report(null));
          if (item) yield item;
        }
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const thereAlready =
  "images that are there already, with all that annotates them, are as they were and were not read again";

/** Annotations that stay in memory: most sets have fewer, and a read of each from disk takes longer than its mask. */
const spoolBytes = 32 * 1024 * 1024;

/** Annotations of this class have no label. */
const withoutClass = (item: DatasetItem, name: string): DatasetItem => ({
  ...item,
  annotations: item.annotations.map((one) => (one.label === name ? { ...one, label: null } : one)),
});

function noImages({ unread }: Plan, { kind, entries }: ArchiveReader, report: Report): AppError {
  if (entries.size === 0) return layoutUnknown(`the ${kind} has no image: it is empty`);
  const missing = report.count("image_missing");
  const bad = report.firstBad;
  if (missing > 0 && bad?.id?.startsWith("column "))
    return layoutUnknown(`the ${kind} has no image that is read; ${bad.file}: ${bad.id} ${bad.detail}`);
  if (missing > 0)
    return layoutUnknown(
      `the ${kind} has annotations (${missing}) but not the images that they are of: put both into one`,
    );
  const first = report.firstUnread;
  const what = first && unread > 0 ? `; ${first.file} is ${first.detail}` : "";
  return layoutUnknown(`the ${kind} has no image that is read (${readFormats})${what}`);
}

/** Null for an image that can't be read, which is told. */
async function readItem(
  context: FormatContext,
  image: PlannedImage,
  splitGroup: string | null,
  opened: OpenedImage,
  report: Report,
): Promise<DatasetItem | null> {
  const { name } = image;
  if (opened.failed) {
    const { error, fatal } = opened.failed;
    if (fatal || !(error instanceof AppError) || error.status >= 500) throw error;
    const count = Math.max(1, image.count);
    const code = isFileChanged(error) ? "file_changed" : "image_unreadable";
    report.leave(code, { file: name, count, detail: error.message.slice(name.length + 2) });
    return null;
  }
  const { bytes, facts, hash } = opened;
  if ((facts.pages ?? 1) > 1)
    report.leave("other_pages", {
      file: name,
      count: (facts.pages as number) - 1,
      detail: "the first page is read",
    });
  if (facts.reading !== undefined) report.tell("picture_reading", facts.reading);
  const { annotations, isBackground } = await readObjects(image, { facts, bytes }, report, context.signal);
  return {
    fileName: context.finder.shown(name),
    alsoNamed: image.alsoNamed,
    bytes,
    facts,
    sha256: hash,
    splitGroup,
    split: image.split,
    background: isBackground,
    annotations,
  };
}
