import { plainPng } from "../../../imaging/png-writer.ts";
import type { CutMask } from "../../../imaging/cut-mask.ts";
import { Classes } from "../classes.ts";
import { baseOf, stemOf } from "../names.ts";
import type { ExportedItem } from "../types.ts";
import { type FormatContext, objectsOf, outlineOf, pathOf, pointsOf, type ZipFormat } from "./format.ts";

/**
 * LabelMe's JSON, to lie beside each image. Several parts of an object are polygons of one `group_id`; with masks an object
 * is a small picture of its box. Source: labelme, `_label_file.py`, `shape.py`; examples/instance_segmentation.
 */
export const labelMe: ZipFormat = (items, context) => {
  const classes = new Classes(context.head, context.told);
  return {
    unlabelled: classes.unlabelled,
    files: (async function* () {
      for await (const item of items) {
        const path = pathOf(item, context, { parts: false });
        if (path === null) continue;
        yield { path: `${stemOf(path)}.json`, compress: true, content: textOf(item, path, classes, context) };
      }
    })(),
  };
};

async function* textOf(
  item: ExportedItem,
  path: string,
  classes: Classes,
  context: FormatContext,
): AsyncGenerator<string> {
  const { width, height } = item.image;
  yield (
    `{"version":"5.5.0","flags":{},"imagePath":${JSON.stringify(baseOf(path))},"imageData":null,` +
      `"imageHeight":${height},"imageWidth":${width},"shapes":[`
  );
  let [count, group] = [0, 0];
  const shape = (own: object): string =>
    `${count++ > 0 ? "," : ""}\n${JSON.stringify({ group_id: null, description: "", flags: {}, mask: null, ...own })}`;
  for await (const { annotation, cut } of objectsOf(item, context)) {
    const label = classes.nameOf(annotation.label);
    if (context.options.shapes === "masks") {
      yield shape({ label, ...maskShape(cut) });
      continue;
    }
    const rings = outlineOf(item, annotation, cut, context) ?? [];
    const group_id = rings.length > 1 ? ++group : null;
    for (const ring of rings)
      yield shape({ label, points: [...pointsOf(ring)], shape_type: "polygon", group_id });
  }
  yield "\n]}\n";
}

/** Its second corner is the last pixel, which LabelMe takes in. */
function maskShape({ box: [x0, y0, x1, y1], width, height, data }: CutMask): object {
  const values = Uint8Array.from(data, (value) => value * 255);
  return {
    points: [
      [x0, y0],
      [x1 - 1, y1 - 1],
    ],
    shape_type: "mask",
    mask: plainPng({ width, height, values }).toString("base64"),
  };
}
