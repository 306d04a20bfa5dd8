import { rowRuns } from "../../../imaging/cut-mask.ts";
import { Classes } from "../classes.ts";
import type { ExportedItem } from "../types.ts";
import { escaped } from "./escaped.ts";
import {
  type FormatContext,
  joined,
  objectsOf,
  oneOutlineOf,
  pathOf,
  pointsOf,
  type ZipFormat,
} from "./format.ts";

/**
 * CVAT for images 1.1: `annotations.xml`, with masks (run lengths of rows in the object's box) or polygons; `subset` is the
 * image's part. Source: cvat, dataset_manager/formats/cvat.py (create_xml_dumper, dump_as_cvat_annotation).
 */
export const cvat: ZipFormat = (items, context) => {
  const classes = new Classes(context.head, context.told);
  return {
    unlabelled: classes.unlabelled,
    files: (async function* () {
      yield { path: "annotations.xml", compress: true, content: xmlOf(items, classes, context) };
    })(),
  };
};

async function* xmlOf(
  items: AsyncIterable<ExportedItem>,
  classes: Classes,
  context: FormatContext,
): AsyncGenerator<string> {
  yield `<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n  <meta>\n    <task>\n`;
  yield `      <name>${escaped(context.head.projectId)}</name>\n      <mode>annotation</mode>\n      <labels>\n`;
  for (const name of classes.names)
    yield `        <label>\n          <name>${escaped(name)}</name>\n          <attributes>\n          </attributes>\n        </label>\n`;
  yield "      </labels>\n    </task>\n  </meta>\n";
  let id = 0;
  for await (const item of items) {
    const path = pathOf(item, context, { parts: true });
    if (path === null) continue;
    const { width, height, part } = item.image;
    const subset = part === null ? "" : ` subset="${part}"`;
    yield `  <image id="${id++}" name="${escaped(path)}"${subset} width="${width}" height="${height}">\n`;
    for await (const { annotation, cut } of objectsOf(item, context)) {
      const common = `label="${escaped(classes.nameOf(annotation.label))}" source="manual" occluded="0"`;
      if (context.options.shapes === "masks") {
        const [left, top] = cut.box;
        const at = `left="${left}" top="${top}" width="${cut.width}" height="${cut.height}"`;
        yield `    <mask ${common} rle="`;
        yield* joined(rowRuns(cut), ", ");
        yield `" ${at} z_order="0">\n    </mask>\n`;
        continue;
      }
      const ring = oneOutlineOf(item, annotation, cut, context);
      if (ring === null) continue;
      const points = Array.from(pointsOf(ring), ([x, y]) => `${x},${y}`).join(";");
      yield `    <polygon ${common} points="${points}" z_order="0">\n    </polygon>\n`;
    }
    yield "  </image>\n";
  }
  yield "</annotations>\n";
}
