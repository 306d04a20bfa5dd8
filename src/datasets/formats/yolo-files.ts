import { baseOf, baseStemOf, folderOf, isImageName } from "../paths.ts";
import type { FormatContext } from "../types.ts";

/** A line of YOLO: a class, then numbers. */
const lineOfLabels = /^\s*\d{1,9}(\s+[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?){4,}\s*$/i;
/** Lists of images, of classes and notes that lie beside labels. */
const noLabels =
  /^(classes|_classes|train|val|valid|test|trainval|autosplit_.*|readme.*|license.*|notes|requirements|.*\.roboflow|dataset)\.txt$/i;

/**
 * Text files that hold YOLO's labels: all below `labels/`, those beside an image of the name, and those of a folder of
 * another name whose files are called as images are and hold lines of shares, as supervision's `annotations/`. An empty
 * one is of an image of nothing, if its folder has labels.
 */
export async function labelFiles(context: FormatContext): Promise<string[]> {
  const { zip, isClaimed, reading, signal } = context;
  const beside = new Set<string>();
  const stems = new Set<string>();
  for (const name of zip.entries.keys()) {
    if (!isImageName(name)) continue;
    beside.add(folderOf(name) + baseStemOf(name));
    stems.add(baseStemOf(name));
  }
  const labels: string[] = [];
  const apart = new Map<string, { file: string; isEmpty: boolean }[]>();
  for (const name of zip.entries.keys()) {
    if (!/\.txt$/i.test(name) || isClaimed(name) || noLabels.test(baseOf(name))) continue;
    const inLabels = /(^|\/)labels?(\/|[^/]*\/)/i.test(folderOf(name));
    const isBeside = beside.has(folderOf(name) + baseStemOf(name));
    if (!inLabels && !isBeside && !stems.has(baseStemOf(name))) continue;
    reading?.(name);
    const text = (await zip.read(name, signal)).toString("utf8").replace(/^\uFEFF/, "");
    const first = text.split(/\r?\n/).find((line) => line.trim() !== "");
    const isEmpty = first === undefined;
    const isLine = first !== undefined && lineOfLabels.test(first);
    if (inLabels || (isBeside && (isEmpty || isLine))) labels.push(name);
    else if (!isBeside && (isEmpty || (isLine && inShares(first)))) {
      const files = apart.get(folderOf(name)) ?? [];
      files.push({ file: name, isEmpty });
      apart.set(folderOf(name), files);
    }
  }
  for (const files of apart.values())
    if (files.some(({ isEmpty }) => !isEmpty)) labels.push(...files.map(({ file }) => file));
  return labels;
}

/** Whether a line's numbers can be shares of a side: tables of another kind count in pixels. */
const inShares = (line: string): boolean =>
  line
    .trim()
    .split(/\s+/)
    .slice(1)
    .every((text) => Math.abs(Number(text)) <= 2);
