import { splitOf } from "../names.ts";
import { type DrawnObject, joined, plannedMask } from "../objects.ts";
import { folderOf } from "../paths.ts";
import { labelOf, type PlannedImage, type Source } from "../plan.ts";
import type { FormatContext } from "../types.ts";
import { labelFiles } from "./yolo-files.ts";
import { classNames, type ClassNames } from "./yolo-names.ts";

const number = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
/**
 * YOLO segmentation as Ultralytics, Roboflow, CVAT, X-AnyLabeling and darknet lay it out: `images/` and `labels/`, at the
 * top or in each part of a split, or text files beside the images or in a folder of their own (yolo-files.ts). A line is an object: the class's number and its
 * outline, `x y` in shares of width and height. A class and four numbers are a box of no outline; an empty file is an
 * image of nothing. Without names classes are their numbers. Label files are read again when their image is.
 * Source: ultralytics 8.3, `data/utils.py` (img2label_paths, verify_image_label).
 */
export async function yoloSource(context: FormatContext): Promise<Source | null> {
  const { report, claim, finder } = context;
  const labels = await labelFiles(context);
  if (labels.length === 0) return null;
  const classes = await classNames(context);
  const planned = new Map<string, PlannedImage>();
  for (const name of labels) {
    claim(name);
    const own = nearest(classes, name);
    const objects = await objectsIn(context, name, own);
    const found = finder.find(imagePathOf(name), name);
    const [image] = found;
    if (image === undefined || found.length > 1) {
      const detail =
        image === undefined ? "there is no image of this name" : `it may be of ${found.join(" or ")}`;
      report.leave("image_missing", { file: name, count: Math.max(1, objects.length), detail });
      continue;
    }
    const one: PlannedImage = {
      name: image,
      alsoNamed: [],
      declared: null,
      group: undefined,
      split: splitOf(image) ?? splitOf(name),
      count: objects.filter(({ leave }) => !leave).length,
      background: objects.length === 0,
      masks: async () => (await objectsIn(context, name, own)).map((object) => plannedMask(name, object)),
    };
    const there = planned.get(image);
    planned.set(image, there ? joined(there, one) : one);
  }
  if (classes.length === 0)
    report.tell(
      "classes_by_number",
      "nothing in the zip names YOLO's classes: they are called by their numbers",
    );
  return { layout: "yolo", title: "YOLO labels", file: labels[0] as string, rank: 8, images: planned };
}

/** The list of names nearest to a label file. */
function nearest(classes: readonly ClassNames[], name: string): ClassNames | undefined {
  const shared = ({ file }: ClassNames): number => {
    const [a, b] = [folderOf(file).split("/"), folderOf(name).split("/")];
    let i = 0;
    while (i < a.length - 1 && a[i] === b[i]) i++;
    // A list that lies deeper in another folder is of other labels; the usual name goes before the unusual.
    return 10 * (i - (a.length - 1 - i)) + (/\/?(data|dataset)\.ya?ml$/i.test(file) ? 1 : 0);
  };
  return classes.filter(({ names }) => names.size > 0).toSorted((a, b) => shared(b) - shared(a))[0];
}

/** As Ultralytics finds it: the last labels/ of the path stands for images/. */
const imagePathOf = (label: string): string =>
  label
    .replace(/\.txt$/i, "")
    .replace(/^(.*\/)?labels?\//i, (_, before: string | undefined) => `${before ?? ""}images/`);

async function objectsIn(
  { zip, signal }: FormatContext,
  name: string,
  classes: ClassNames | undefined,
): Promise<DrawnObject[]> {
  const text = (await zip.read(name, signal)).toString("utf8").replace(/^\uFEFF/, "");
  return text.split(/\r?\n/).flatMap((line, k) => {
    if (line.trim() === "") return [];
    return [objectOf(k + 1, line.trim().split(/[\s,]+/), classes)];
  });
}

function objectOf(
  line: number,
  [first = "", ...cells]: readonly string[],
  classes: ClassNames | undefined,
): DrawnObject {
  const known = /^\d{1,9}(\.0+)?$/.test(first);
  const label = known ? (classes?.names.get(Number(first)) ?? String(Number(first))) : labelOf(first);
  const base = { line, label };
  const bad = (detail: string): DrawnObject => ({ ...base, leave: "object_invalid", detail });
  if (!known) return bad(`${first.slice(0, 40)} is no class number`);
  const wrong = cells.find((cell) => !number.test(cell));
  if (wrong !== undefined) return bad(`${wrong.slice(0, 40)} is no number`);
  if (classes?.pose) return { ...base, leave: "shape_unsupported", detail: "key points" };
  // Four numbers, and five with a confidence behind them.
  if (cells.length === 4 || cells.length === 5) return { ...base, leave: "box_only" };
  const shares = cells.map(Number);
  if (shares.length % 2 === 1) {
    const confidence = shares.at(-1) as number;
    if (shares.length < 7 || confidence < 0 || confidence > 1)
      return bad(`${shares.length} numbers behind the class; an outline is x and y of three points or more`);
    shares.pop();
  }
  if (shares.length < 6)
    return bad(`${shares.length} numbers behind the class; an outline is x and y of three points or more`);
  const far = shares.find((share) => share < -1 || share > 2);
  if (far !== undefined) return bad(`${far} is no share of the image's side, 0 to 1`);
  // Corners that were drawn over the edge come back to it one by one, as Ultralytics and Roboflow have it.
  const ring = shares.map((share) => Math.min(1, Math.max(0, share)));
  return { ...base, shape: { kind: "rings", rings: [ring], unit: "shares" } };
}
