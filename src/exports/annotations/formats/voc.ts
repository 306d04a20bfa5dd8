import { plainPng } from "../../../imaging/png-writer.ts";
import { eachColumnRun } from "../../../imaging/mask-facts.ts";
import { vocColour } from "../../../imaging/voc-colour.ts";
import { Classes } from "../classes.ts";
import { stemOf } from "../names.ts";
import { hasOwnBox, rleOf, cutOf } from "../outlines.ts";
import type { ExportedItem } from "../types.ts";
import { type FormatContext, pathOf, type ZipFormat } from "./format.ts";

/** VOC's border, which no object may have. */
const border = 255;
/** In files of 16 bits. */
const mostObjects = 65_534;

/**
 * PASCAL VOC's segmentation: for each image a map that numbers the objects (`SegmentationObject`) and one of their classes
 * (`SegmentationClass`), with VOC's palette, `labelmap.txt` as CVAT has it, and lists of the images. Beyond 254 objects or
 * classes a map is grey with 16 bits. A pixel has one owner: the smallest of the objects that lie there.
 * Source: VOC2012 devkit, VOClabelcolormap.m; datumaro, plugins/data_formats/voc.
 */
export const voc: ZipFormat = (items, context) => {
  const classes = new Classes(context.head, context.told, /[\p{Cc}:#]/gu);
  return {
    unlabelled: classes.unlabelled,
    files: (async function* () {
      const lists = new Map<string, string[]>();
      for await (const item of items) {
        const path = pathOf(item, context, { parts: true });
        if (path === null) continue;
        const stem = stemOf(path).replace(/^(images|JPEGImages)\//, "");
        const list = item.image.part ?? "default";
        if (!lists.has(list)) lists.set(list, []);
        lists.get(list)?.push(`${stem}\n`);
        const { objects, places } = await painted(item, classes, context);
        const { width, height } = item.image;
        const map = (values: Uint16Array): Buffer => mapPng({ width, height, values });
        yield { path: `SegmentationObject/${stem}.png`, compress: false, content: [map(objects)] };
        for (let i = 0; i < objects.length; i++) objects[i] = places[objects[i] as number] as number;
        yield { path: `SegmentationClass/${stem}.png`, compress: false, content: [map(objects)] };
      }
      for (const [list, stems] of lists)
        yield { path: `ImageSets/Segmentation/${list}.txt`, compress: true, content: stems };
      yield { path: "labelmap.txt", compress: true, content: [labelMap(classes)] };
      if (classes.names.length >= border)
        yield {
          path: "labels.csv",
          compress: true,
          content: classes.names.map((name, i) => `${valueOf(i)},${name}\n`),
        };
    })(),
  };
};

/** The numbers 1, 2, ... without that of the border. */
const valueOf = (place: number): number => (place + 1 < border ? place + 1 : place + 2);

/** The owner of each pixel (0: nobody), and the class's value by owner. */
async function painted(
  { image, annotations }: ExportedItem,
  classes: Classes,
  { told }: FormatContext,
): Promise<{ objects: Uint16Array; places: number[] }> {
  const { width, height } = image;
  const objects = new Uint16Array(width * height);
  const [places, areas, lost]: [number[], number[], number[]] = [[0], [0], [0]];
  let count = 0;
  for await (const annotation of annotations) {
    if (hasOwnBox(annotation, cutOf(annotation, image))) told.count("boxes");
    if (count === mostObjects) {
      told.count("too_many_objects");
      continue;
    }
    const own = valueOf(count++);
    places[own] = valueOf(classes.placeOf(annotation.label));
    areas[own] = annotation.area;
    lost[own] = 0;
    eachColumnRun(rleOf(annotation, image), (x, y0, y1) => {
      for (let y = y0, at = y0 * width + x; y < y1; y++, at += width) {
        const there = objects[at] as number;
        const loser = there !== 0 && (areas[there] as number) < annotation.area ? own : there;
        lost[loser] = (lost[loser] as number) + 1;
        if (loser !== own) objects[at] = own;
      }
    });
  }
  for (const [own, area] of areas.entries()) {
    const gone = own === 0 ? 0 : (lost[own] ?? 0);
    if (gone > 0) told.count(gone === area ? "covered" : "overlaps");
  }
  return { objects, places };
}

const palette = Array.from({ length: 256 }, (_, index) => vocColour(index));

function mapPng(map: { width: number; height: number; values: Uint16Array }): Buffer {
  const most = map.values.reduce((a, b) => Math.max(a, b), 0);
  return most > border ? plainPng(map) : plainPng({ ...map, values: Uint8Array.from(map.values) }, palette);
}

function labelMap({ names }: Classes): string {
  const rows = names.flatMap((name, i) =>
    valueOf(i) < border ? [`${name}:${rgb(vocColour(valueOf(i)))}::\n`] : [],
  );
  return `# label:color_rgb:parts:actions\nbackground:0,0,0::\n${rows.join("")}`;
}

const rgb = (colour: number): string => [colour >> 16, (colour >> 8) & 255, colour & 255].join(",");
