import { foldersIn } from "./folders/folders.ts";
import { cellposeSource } from "./formats/cellpose.ts";
import { cityscapesMaskSource } from "./formats/cityscapes-masks.ts";
import { isCityscapesPicture } from "./formats/cityscapes.ts";
import { panopticSources } from "./formats/coco-panoptic.ts";
import { kittiMaskSource } from "./formats/kitti-masks.ts";
import { nnuNetSource } from "./formats/nnu-net.ts";
import { csvSources } from "./formats/run-length-csv.ts";
import { tableSource } from "./formats/tables.ts";
import { vocMaskSource } from "./formats/voc-masks.ts";
import { xmlSources } from "./formats/xml.ts";
import { yoloSource } from "./formats/yolo.ts";
import { jsonSources } from "./json-files.ts";
import { joined } from "./objects.ts";
import { baseOf, baseStemOf, isForeignImageName, isImageName } from "./paths.ts";
import { splitOf } from "./names.ts";
import { type PlannedImage, type Source, unannotated } from "./plan.ts";
import type { FormatContext } from "./types.ts";
import { valueNames } from "./value-names.ts";

/** What a zip's names and annotation files make of its images, before an image or mask is read. */
export interface Plan {
  /** What was recognised, joined by `+`. */
  readonly layout: string;
  readonly images: readonly PlannedImage[];
  /** Files that were left unread. */
  readonly unread: number;
}

/**
 * Finds out what a zip holds and plans it. Every format takes the files that it knows; an image that several annotate gets
 * the objects of the one that says most: outlines go before masks that were made of them, two files of one format are one
 * data set. What is neither an image nor read nor known to lie beside such is told as unread.
 * Throws AppError import_too_large or import_file_invalid.
 */
export async function findLayout(context: FormatContext): Promise<Plan> {
  const { zip, claim, isClaimed, report } = context;
  for (const name of zip.entries.keys()) if (isCityscapesPicture(name)) claim(name);
  const sources: Source[] = [];
  const add = (source: Source | null): void => {
    if (source) sources.push(source);
  };
  add(await nnuNetSource(context));
  const table = await valueNames(context);
  add(await tableSource(context, table));
  // Before other JSON, as it has COCO's lists.
  sources.push(...(await panopticSources(context)));
  sources.push(...(await jsonSources(context)), ...(await xmlSources(context)));
  add(cityscapesMaskSource(context, table));
  add(kittiMaskSource(context, table));
  add(await vocMaskSource(context, table));
  add(cellposeSource(context));
  sources.push(...(await csvSources(context)));
  add(await yoloSource(context));
  const folders = await foldersIn(context, table);
  add(folders.source);

  const images = new Map<string, PlannedImage>(
    folders.images.map((name) => [name, { ...unannotated(name), split: splitOf(name) }]),
  );
  const used = new Set<string>();
  for (const source of sources.toSorted((a, b) => b.rank - a.rank))
    addSource(images, source, sources, used, context);
  const layout = [...used].join("+") || (images.size > 0 ? "images" : "none");
  const unread = leaveUnread(context, isClaimed);
  if (sources.length > 1)
    report.tell(
      "sources",
      `recognised: ${sources.map(({ title, file }) => `${title} (${file})`).join(", ")}`,
    );
  return { layout, images: [...images.values()].sort((a, b) => (a.name < b.name ? -1 : 1)), unread };
}

/** Puts a source's images to those of the sources above it. */
function addSource(
  images: Map<string, PlannedImage>,
  source: Source,
  sources: readonly Source[],
  used: Set<string>,
  { report }: FormatContext,
): void {
  const above = sources.filter(({ rank }) => rank > source.rank);
  for (const own of source.images.values()) {
    const there = images.get(own.name);
    const taken =
      there !== undefined &&
      there.count > 0 &&
      above.some((other) => (other.images.get(own.name)?.count ?? 0) > 0);
    if (taken && own.count > 0) {
      report.leave("rendered", { file: source.file, id: own.name, count: own.count });
      continue;
    }
    if (own.count > 0 || own.background) used.add(source.layout);
    images.set(own.name, there ? joined(there, own) : own);
  }
  if (source.images.size === 0) used.add(source.layout);
}

/** Notes and settings that lie beside what is read. */
const companion =
  /(^|\/)(readme|licen[cs]e|copying|changelog|notice|authors|citation|requirements|about|credits)([^/]*)?$|\.(md|txt|html?|pdf|cache|ya?ml|names|cfg|ini|log|license|rst|py|m|ipynb|sh|url|lnk)$|(^|\/)(meta|classes|class_map|config|info|dataset_info|key_id_map|obj_class_to_machine_color|groups|project|dataset|manifest|filename_map|category[^/]*)\.(json|csv|jsonl)$|(^|\/)(label_)?config\.xml$|(^|\/)[^/]*sample_?submission[^/]*$|(^|\/)\.[^/]*$/i;
const cellposeBeside = /_(seg\.npy|flows\.tiff?|cp_masks\.png)$/i;

function leaveUnread({ zip, report, reading }: FormatContext, isClaimed: (file: string) => boolean): number {
  let unread = 0;
  reading?.("the list of files");
  const stems = new Set([...zip.entries.keys()].filter(isImageName).map(baseStemOf));
  for (const name of zip.entries.keys()) {
    if (isImageName(name) || isClaimed(name) || cellposeBeside.test(name)) continue;
    // Text that is called as an image is may say something of it, and is no note on the whole.
    const isOfImage = /\.txt$/i.test(name) && stems.has(baseStemOf(name));
    if (!isOfImage && companion.test(baseOf(name))) continue;
    unread++;
    report.leave("unread", { file: name, detail: whatIs(name) });
  }
  return unread;
}

function whatIs(name: string): string {
  const [, extension = ""] = /\.([^./]+)$/.exec(name) ?? [];
  if (/^(zip|tar|gz|tgz|7z|rar)$/i.test(extension))
    return "an archive in the archive; put what is in it in its place";
  if (/^npy|npz$/i.test(extension)) return "NumPy's array; save masks as PNG or TIFF";
  if (isForeignImageName(name))
    return `a picture of a format that is not read (${extension}); save it as PNG or TIFF`;
  if (/^(json|geojson|xml|csv|ndjson|jsonl)$/i.test(extension))
    return "annotations of no format that is read, or of a version that is not";
  if (/^parquet$/i.test(extension)) return "a table without a column of pictures";
  if (/^arrow$/i.test(extension)) return "Arrow's file; write the data set with Dataset.to_parquet";
  if (/^(mp4|mov|avi|mkv|webm)$/i.test(extension)) return "a film; save its frames as pictures";
  if (/^txt$/i.test(extension)) return "text of an image's name, and not YOLO's labels";
  return extension === ""
    ? "no known kind of file (names of DICOM files have to end in .dcm)"
    : `a file of the kind .${extension}`;
}
