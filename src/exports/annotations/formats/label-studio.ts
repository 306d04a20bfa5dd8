import { encodeBrush } from "../../../imaging/brush-rle.ts";
import { Classes } from "../classes.ts";
import type { ExportedItem } from "../types.ts";
import { escaped } from "./escaped.ts";
import { type FormatContext, joined, objectsOf, oneOutlineOf, pathOf, type ZipFormat } from "./format.ts";
import { brushRegion, polygonRegion, regionHead, type RegionShape } from "./label-studio-region.ts";

const [fromName, toName] = ["tag", "image"] as const;

/**
 * Tasks as Label Studio imports them, with brush regions or polygons, and the labelling interface that shows them. Images
 * are meant to lie in a local storage. Source: label-studio-sdk, converter/brush.py (mask2rle, image2annotation);
 * labelstud.io/guide/tasks, labelstud.io/guide/storage (local).
 */
export const labelStudio: ZipFormat = (items, context) => {
  const classes = new Classes(context.head, context.told);
  return {
    unlabelled: classes.unlabelled,
    files: (async function* () {
      yield { path: "tasks.json", compress: true, content: tasksOf(items, classes, context) };
      yield { path: "config.xml", compress: true, content: [configOf(classes, context)] };
    })(),
  };
};

async function* tasksOf(
  items: AsyncIterable<ExportedItem>,
  classes: Classes,
  context: FormatContext,
): AsyncGenerator<string> {
  yield "[";
  let [task, region] = [0, 0];
  for await (const item of items) {
    const path = pathOf(item, context, { parts: false });
    if (path === null) continue;
    const { id, width, height } = item.image;
    const image = `/data/local-files/?d=${path.split("/").map(encodeURIComponent).join("/")}`;
    yield (
      `${++task > 1 ? "," : ""}\n{"id":${task},"data":${JSON.stringify({ image, maskwright_id: id })},` +
        `"annotations":[{"id":${task},"was_cancelled":false,"ground_truth":false,"result":[`
    );
    let count = 0;
    for await (const { annotation, cut } of objectsOf(item, context)) {
      const head = regionHead(`r${++region}`, { fromName, toName }, { width, height });
      const names = [classes.nameOf(annotation.label)];
      const textOf = (shape: RegionShape): string =>
        `${count++ > 0 ? "," : ""}\n${JSON.stringify({ ...head, ...shape })}`;
      if (context.options.shapes === "masks") {
        // Within a text the quotes would be escaped.
        const [before = "", after = ""] = textOf(brushRegion([], names)).split('"rle":[]');
        yield `${before}"rle":[`;
        yield* joined(encodeBrush(cut, cut.box, [height, width]), ",");
        yield `]${after}`;
        continue;
      }
      const ring = oneOutlineOf(item, annotation, cut, context);
      if (ring !== null) yield textOf(polygonRegion(ring, { width, height }, names));
    }
    yield "]}]}";
  }
  yield "\n]\n";
}

function configOf({ names }: Classes, { options }: FormatContext): string {
  const kind = options.shapes === "masks" ? "BrushLabels" : "PolygonLabels";
  const labels = names.map((name) => `    <Label value="${escaped(name)}"/>\n`).join("");
  return (
    `<View>\n  <Image name="${toName}" value="$image" zoom="true"/>\n` +
    `  <${kind} name="${fromName}" toName="${toName}">\n${labels}  </${kind}>\n</View>\n`
  );
}
