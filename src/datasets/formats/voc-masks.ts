import { masksOfLabels } from "../../imaging/label-map.ts";
import { meantBy } from "../../imaging/mask-meaning.ts";
import type { MaskValues } from "../../imaging/mask-values.ts";
import { plannedFile, readAtSize, styleOf } from "../masks.ts";
import { splitOfWords, wordsOf } from "../names.ts";
import { baseOf, baseStemOf, isImageName } from "../paths.ts";
import { labelOf, type FoundObject, type PlannedImage, type PlannedMask, type Source } from "../plan.ts";
import type { FormatContext } from "../types.ts";
import { vocColour } from "../../imaging/voc-colour.ts";
import { ValueNames } from "../value-names.ts";

/** PASCAL VOC's classes, 1 to 20. Source: VOC2012 devkit, VOCinit.m. */
const vocClasses =
  "aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person pottedplant sheep sofa train tvmonitor".split(
    " ",
  );

const objectFolder = /(^|\/)SegmentationObject\//;
const classFolder = /(^|\/)SegmentationClass(Aug|Raw|PNG)?\//;

const below = /^.*?(^|\/)Segmentation(Object|Class[^/]*)\//;

/**
 * PASCAL VOC's segmentation and CVAT's `Segmentation mask 1.1`: `SegmentationObject` numbers the objects by value or
 * colour, `SegmentationClass` says what each is, `labelmap.txt` names the colours. Without object files a class is an
 * object; without a table VOC's own colours have VOC's own names. Sources: VOC2012 devkit; CVAT 2.20,
 * `dataset_manager/formats/mask.py`; datumaro 1.10, `plugins/data_formats/voc`.
 */
export async function vocMaskSource(
  context: FormatContext,
  table: ValueNames | null,
): Promise<Source | null> {
  const { zip, claim, finder, report } = context;
  const files = [...zip.entries.keys()].filter(isImageName);
  const byStem = (folder: RegExp): Map<string, string> =>
    new Map(
      files
        .filter((name) => folder.test(name))
        .map((name) => [name.replace(folder, "/").replace(/\.[^.]+$/, ""), name]),
    );
  const [objects, classes] = [byStem(objectFolder), byStem(classFolder)];
  if (objects.size + classes.size === 0) return null;
  const isVoc = files.some((name) => /(^|\/)VOC(devkit|20\d\d)\//.test(name));
  const names = table ?? (isVoc ? vocNames() : null);
  if (!table && isVoc)
    report.tell("voc_names", "nothing in the zip names the classes: they are called by PASCAL VOC's names");
  const splits = await imageSets(context);
  const style = { labels: true, instances: false, inverted: false };
  const own = objects.size > 0 ? null : await styleOf([...classes.values()], context);
  const planned = new Map<string, PlannedImage>();
  for (const key of new Set([...objects.keys(), ...classes.keys()])) {
    const [objectFile, classFile] = [objects.get(key), classes.get(key)];
    const file = (objectFile ?? classFile) as string;
    for (const one of [objectFile, classFile]) if (one !== undefined) claim(one);
    const stem = file.replace(below, "").replace(/\.[^.]+$/, "");
    const [image, ...others] = finder
      .find(stem, file)
      .filter((name) => !objectFolder.test(name) && !classFolder.test(name));
    if (image === undefined || others.length > 0) {
      report.leave("mask_without_image", { file, detail: "there is no image of this name" });
      continue;
    }
    const mask: PlannedMask =
      objectFile === undefined
        ? plannedFile(file, null, own ?? style, context, names)
        : {
            place: { file },
            label: null,
            read: (frame, signal) => objectsOf(objectFile, classFile, names, context, frame, signal),
          };
    planned.set(image, {
      name: image,
      alsoNamed: [],
      declared: null,
      group: undefined,
      split: splits.get(stem) ?? splits.get(baseStemOf(image)) ?? null,
      count: 1,
      background: false,
      masks: () => [mask],
    });
  }
  const [first = ""] = [...objects.values(), ...classes.values()];
  return {
    layout: "voc",
    title: "segmentation masks as PASCAL VOC has them",
    file: first,
    rank: 7,
    images: planned,
  };
}

const vocNames = (): ValueNames =>
  new ValueNames(
    new Map(vocClasses.map((name, i) => [i + 1, name])),
    new Map([[0, "background"], ...vocClasses.map((name, i) => [vocColour(i + 1), name] as const)]),
  );

async function objectsOf(
  objectFile: string,
  classFile: string | undefined,
  names: ValueNames | null,
  context: FormatContext,
  frame: Parameters<typeof readAtSize>[1],
  signal?: AbortSignal,
): Promise<FoundObject[]> {
  const values = await readAtSize(objectFile, frame, context, signal);
  const meant = meantBy(values, { labels: true });
  const found = masksOfLabels(meant.map) ?? new Map();
  const classValues = classFile === undefined ? null : await readAtSize(classFile, frame, context, signal);
  const classOf = classValues && majority(meant.map.values, classValues);
  return [...found].map(([value, mask]) => {
    const own = classOf?.get(value);
    const label = own === undefined || !classValues ? undefined : names?.label(own, classValues);
    return { ...mask, label: labelOf(label) };
  });
}

/** The class that most pixels of each object have. */
function majority(objects: MaskValues["values"], classes: MaskValues): Map<number, number> {
  const counts = new Map<number, Map<number, number>>();
  for (let i = 0; i < objects.length; i++) {
    const object = objects[i] as number;
    if (object === 0) continue;
    const own = counts.get(object) ?? new Map<number, number>();
    counts.set(object, own);
    const value = classes.values[i] as number;
    own.set(value, (own.get(value) ?? 0) + 1);
  }
  return new Map(
    [...counts].map(([object, own]) => [object, [...own].reduce((a, b) => (b[1] > a[1] ? b : a))[0]]),
  );
}

/** Which part an image is in, by `ImageSets/Segmentation/train.txt` and the like. */
async function imageSets(context: FormatContext): Promise<Map<string, ReturnType<typeof splitOfWords>>> {
  const out = new Map<string, ReturnType<typeof splitOfWords>>();
  for (const name of context.zip.entries.keys()) {
    if (!/(^|\/)ImageSets\/(Segmentation\/)?[^/]+\.txt$/i.test(name)) continue;
    context.claim(name);
    const split = splitOfWords(wordsOf(baseOf(name).replace(/\.txt$/i, "")));
    if (!split) continue;
    const text = (await context.zip.read(name, context.signal)).toString("utf8");
    for (const line of text.split(/\r?\n/)) {
      // Lists of one class have 1, 0 or -1 behind the name.
      const stem = line.trim().replace(/\s+-?[01]$/, "");
      if (stem !== "") out.set(stem, split).set(baseOf(stem), split);
    }
  }
  return out;
}
