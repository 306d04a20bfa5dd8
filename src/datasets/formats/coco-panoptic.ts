import { z } from "zod";
import { masksOfLabels } from "../../imaging/label-map.ts";
import type { MaskValues } from "../../imaging/mask-values.ts";
import { AppError } from "../../lib/errors.ts";
import { readAtSize } from "../masks.ts";
import { splitOf } from "../names.ts";
import { joined } from "../objects.ts";
import { baseOf, baseStemOf, folderOf } from "../paths.ts";
import { type FoundObject, labelOf, type PlannedImage, type PlannedMask, type Source } from "../plan.ts";
import type { FormatContext } from "../types.ts";

const segmentSchema = z.object({ id: z.int(), category_id: z.int(), iscrowd: z.unknown().optional() });
const fileSchema = z.object({
  images: z.array(z.object({ id: z.union([z.int(), z.string()]), file_name: z.string() })),
  annotations: z.array(
    z.object({
      image_id: z.union([z.int(), z.string()]),
      file_name: z.string(),
      segments_info: z.array(segmentSchema),
    }),
  ),
  categories: z.array(z.object({ id: z.int(), name: z.unknown() })).default([]),
});
type Segment = z.infer<typeof segmentSchema>;
/** Among so few JSON files one of panoptic segments is looked for whatever it is called. */
const fewFiles = 20;

/**
 * COCO's panoptic format: `annotations` of an image and a PNG in a folder of the JSON's name, where R + 256 G + 65536 B is
 * a segment's id and 0 is nothing; `segments_info` gives its category and whether it is a crowd. Things and stuff are an
 * object a segment. Source: panopticapi 0.1, `utils.py` (rgb2id); datumaro 0.3 (cvat-ai, 8970bb7),
 * `plugins/coco_format/exporter.py`.
 */
export async function panopticSources(context: FormatContext): Promise<Source[]> {
  const { zip, claim, isClaimed, report, limits, reading, signal } = context;
  const files = [...zip.entries.values()].filter(({ name }) => /\.json$/i.test(name) && !isClaimed(name));
  const sources: Source[] = [];
  for (const { name, bytes } of files) {
    if (!/panoptic/i.test(baseOf(name)) && files.length > fewFiles) continue;
    if (bytes > limits.maxDocumentBytes) continue;
    reading?.(name);
    const text = (await zip.read(name, signal)).toString("utf8").replace(/^\uFEFF/, "");
    if (!text.includes('"segments_info"')) continue;
    const read = fileSchema.safeParse(jsonOf(text));
    claim(name);
    if (read.success) sources.push(sourceOf(name, read.data, context));
    else {
      const [issue] = read.error.issues;
      const detail = `is no panoptic file that can be read: ${issue?.path.join(".")}: ${issue?.message}`;
      report.leave("entry_invalid", { file: name, detail });
    }
  }
  return sources;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function sourceOf(file: string, read: z.infer<typeof fileSchema>, context: FormatContext): Source {
  const { claim, finder, report } = context;
  const names = new Map(read.images.map(({ id, file_name: name }) => [String(id), name]));
  const labels = new Map(read.categories.map(({ id, name }) => [id, labelOf(name)]));
  const pictures = picturesBy(file, context);
  const images = new Map<string, PlannedImage>();
  for (const { image_id: id, file_name: own, segments_info: segments } of read.annotations) {
    const picture = pictures(own);
    if (picture !== undefined) claim(picture);
    const count = Math.max(1, segments.length);
    const named = names.get(String(id));
    const [image, ...others] = (named === undefined ? [] : finder.find(named, file)).filter(
      (one) => one !== picture,
    );
    const place = { file, id: String(id), count };
    if (picture === undefined) {
      report.leave("mask_unreadable", { ...place, detail: `${own} is not there` });
      continue;
    }
    if (image === undefined || others.length > 0) {
      const detail =
        named === undefined
          ? "no image has this id"
          : `${others.length > 0 ? "several are" : "none is"} ${named}`;
      report.leave("image_missing", { ...place, detail });
      continue;
    }
    const one: PlannedImage = {
      name: image,
      alsoNamed: [],
      declared: null,
      group: undefined,
      split: splitOf(image) ?? splitOf(file),
      count: segments.length,
      background: segments.length === 0,
      masks: () => [plannedSegments(picture, segments, labels, context)],
    };
    const there = images.get(image);
    images.set(image, there ? joined(there, one) : one);
  }
  return { layout: "coco_panoptic", title: "COCO panoptic", file, rank: 9, images };
}

/** A segments' picture by its name: in the folder of the JSON's name, else in the one that is nearest to it by name. */
function picturesBy(file: string, { zip }: FormatContext): (name: string) => string | undefined {
  const all = new Map<string, string[]>();
  for (const name of zip.entries.keys()) {
    if (!/\.png$/i.test(name)) continue;
    const there = all.get(baseOf(name));
    if (there) there.push(name);
    else all.set(baseOf(name), [name]);
  }
  const own = `${baseStemOf(file)}/`;
  return (name) => {
    const found = all.get(baseOf(name)) ?? [];
    return (
      found.find((one) => folderOf(one).endsWith(own)) ??
      found.find((one) => /panoptic|segment|mask|annotation/i.test(folderOf(one)))
    );
  };
}

function plannedSegments(
  file: string,
  segments: readonly Segment[],
  labels: ReadonlyMap<number, string | null>,
  context: FormatContext,
): PlannedMask {
  return {
    place: { file },
    label: null,
    read: async (frame, signal): Promise<FoundObject[]> => {
      const values = await readAtSize(file, frame, context, signal);
      const found = masksOfLabels(values);
      if (!found) throw new AppError("mask_not_binary", `${file} has more values than segments can be`);
      const unseen = new Map(segments.map((segment) => [segment.id, segment]));
      const objects = [...found].map(([value, mask]): FoundObject => {
        const id = idOf(value, values);
        const segment = unseen.get(id);
        unseen.delete(id);
        if (!segment) {
          const detail = `segments_info has no segment ${id}`;
          return { ...mask, leave: { code: "object_invalid", detail, count: 1 } };
        }
        const label = labels.get(segment.category_id) ?? null;
        if (segment.iscrowd !== 1) return { ...mask, label };
        return { ...mask, label, leave: { code: "crowd", detail: `segment ${id}`, count: 1 } };
      });
      for (const id of unseen.keys())
        context.report.leave("object_empty", { file, id: String(id), detail: "no pixel has its id" });
      return objects;
    },
  };
}

/** The first byte of three is the lowest of an id. */
const idOf = (value: number, { kind }: MaskValues): number =>
  kind === "colour" ? ((value & 255) << 16) | (value & 0xff00) | (value >> 16) : value;
