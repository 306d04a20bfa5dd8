import type { Part } from "../../../domain/data-import.ts";
import { Classes } from "../classes.ts";
import { stemOf } from "../names.ts";
import type { ExportedItem } from "../types.ts";
import { type FormatContext, objectsOf, oneOutlineOf, pathOf, pointsOf, type ZipFormat } from "./format.ts";

/** Decimals of a share of a side: a hundredth of a pixel in images of 100,000. */
const decimals = 8;

/**
 * Ultralytics' YOLO for segmentation: a text file an image in `labels/`, a line an object (its class, then its outline as
 * shares of width and height), `data.yaml` with the classes, and lists of the parts where images have such. An empty file
 * is an image of nothing. Several parts are one line, as Ultralytics' own converter has it.
 * Source: ultralytics, data/converter.py (convert_coco, merge_multi_segment), data/utils.py (img2label_paths).
 */
export const yolo: ZipFormat = (items, context) => {
  const classes = new Classes(context.head, context.told);
  return {
    unlabelled: classes.unlabelled,
    files: (async function* () {
      const lists: Record<Part, string[]> = { train: [], val: [], test: [] };
      for await (const item of items) {
        const given = pathOf(item, context, { parts: true });
        if (given === null) continue;
        const path = /(^|\/)images\//.test(given) ? given : `images/${given}`;
        lists[item.image.part ?? "train"].push(`./${path}\n`);
        yield {
          path: `${stemOf(path.replace(/^(.*\/)?images\//, "$1labels/"))}.txt`,
          compress: true,
          content: linesOf(item, classes, context),
        };
      }
      const listed = Object.entries(lists).filter(([part, paths]) => paths.length > 0 || part === "train");
      for (const [part, paths] of listed) yield { path: `${part}.txt`, compress: true, content: paths };
      yield {
        path: "data.yaml",
        compress: true,
        content: [yamlOf(classes, new Set(listed.map(([part]) => part)))],
      };
    })(),
  };
};

async function* linesOf(
  item: ExportedItem,
  classes: Classes,
  context: FormatContext,
): AsyncGenerator<string> {
  const { width, height } = item.image;
  for await (const { annotation, cut } of objectsOf(item, context)) {
    const ring = oneOutlineOf(item, annotation, cut, context);
    if (ring === null) continue;
    let line = String(classes.placeOf(annotation.label));
    for (const [x, y] of pointsOf(ring)) line += ` ${share(x, width)} ${share(y, height)}`;
    yield `${line}\n`;
  }
}

const share = (value: number, side: number): number => Number((value / side).toFixed(decimals));

const yamlOf = (classes: Classes, parts: ReadonlySet<string>): string =>
  [
    "path: .",
    "train: train.txt",
    // Ultralytics asks for one; without one of its own it looks at what it has learnt from.
    `val: ${parts.has("val") ? "val" : parts.has("test") ? "test" : "train"}.txt`,
    ...(parts.has("test") ? ["test: test.txt"] : []),
    "names:",
    ...classes.names.map((name, i) => `  ${i}: ${JSON.stringify(name)}`),
    "",
  ].join("\n");
