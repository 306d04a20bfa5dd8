import { SaxesParser, type SaxesTagPlain } from "saxes";
import { type AnnotatedImage, type DrawnObject, ObjectPlans } from "../objects.ts";
import { splitOfWords, wordsOf } from "../names.ts";
import { baseStemOf, folderOf } from "../paths.ts";
import { labelOf, type Source } from "../plan.ts";
import type { FormatContext } from "../types.ts";
import { sizeOf } from "./document.ts";

/** What one file turned out to be. */
interface XmlFound {
  readonly layout: "cvat" | "voc_xml";
  readonly images: AnnotatedImage[];
}

/**
 * Annotations in XML: CVAT for images 1.1 (polygons, masks, ellipses; boxes outline nothing), and PASCAL VOC's and
 * LabelMe's older files, a file for each image, with polygons where tools put such beside the boxes. Sources: CVAT 2.20,
 * `dataset_manager/formats/cvat.py`; VOC2012 devkit; LabelMe's annotation tool, `annotationTools/`.
 */
export async function xmlSources(context: FormatContext): Promise<Source[]> {
  const { zip, claim, isClaimed, reading, report } = context;
  const plans = new Map<XmlFound["layout"], { plans: ObjectPlans; file: string }>();
  for (const name of zip.entries.keys()) {
    if (!/\.xml$/i.test(name) || isClaimed(name)) continue;
    reading?.(name);
    let found: XmlFound | null;
    try {
      found = await readXml(context, name);
    } catch (error) {
      if (context.signal?.aborted) throw error;
      claim(name);
      report.leave("entry_invalid", { file: name, detail: `is no XML: ${String(error).slice(0, 200)}` });
      continue;
    }
    if (!found) continue;
    claim(name);
    const own = plans.get(found.layout) ?? { plans: new ObjectPlans(context), file: name };
    plans.set(found.layout, own);
    for (const image of found.images) own.plans.add(name, image);
  }
  return [...plans].map(([layout, { plans: own, file }]) => ({
    layout: layout === "cvat" ? "cvat" : "voc",
    title: layout === "cvat" ? "CVAT XML" : "PASCAL VOC's XML",
    file,
    rank: layout === "cvat" ? 10 : 4,
    images: own.images,
  }));
}

async function readXml(context: FormatContext, file: string): Promise<XmlFound | null> {
  const { zip, signal } = context;
  const parser = new SaxesParser();
  const cvat = new CvatImages();
  const voc = new VocImage(file);
  let root = "";
  let fault: Error | undefined;
  const path: string[] = [];
  let text = "";
  parser.on("error", (error) => {
    fault ??= error;
  });
  parser.on("opentag", (tag: SaxesTagPlain) => {
    if (root === "") root = tag.name;
    path.push(tag.name);
    text = "";
    if (root === "annotations") cvat.open(tag.name, tag.attributes);
    else if (root === "annotation") voc.open(path);
  });
  parser.on("text", (more) => {
    if (text.length < 1_000_000) text += more;
  });
  parser.on("closetag", (tag: SaxesTagPlain) => {
    if (root === "annotations") cvat.close(tag.name);
    else if (root === "annotation") voc.close(path, text.trim());
    path.pop();
    text = "";
  });
  const decoder = new TextDecoder("utf-8");
  for await (const chunk of zip.chunks(file, signal)) {
    parser.write(decoder.decode(chunk, { stream: true }));
    if (fault) throw fault;
    if (root !== "" && root !== "annotations" && root !== "annotation") return null;
  }
  parser.close();
  if (fault) throw fault;
  if (root === "annotations") return cvat.images.length > 0 ? { layout: "cvat", images: cvat.images } : null;
  return root === "annotation" ? { layout: "voc_xml", images: [await voc.image(context)] } : null;
}

type Attributes = Readonly<Record<string, string>>;

class CvatImages {
  readonly images: (AnnotatedImage & { objects: DrawnObject[] })[] = [];
  #inImage = false;

  open(name: string, attributes: Attributes): void {
    if (name === "image") {
      this.#inImage = true;
      const subset = attributes["subset"];
      this.images.push({
        image: attributes["name"] ?? "",
        size: sizeOf(Number(attributes["width"]), Number(attributes["height"])),
        split: subset === undefined ? null : splitOfWords(wordsOf(subset)),
        objects: [],
      });
    } else if (this.#inImage) {
      const own = this.images.at(-1);
      const object = cvatObject(name, attributes, (own?.objects.length ?? 0) + 1);
      if (object) own?.objects.push(object);
    }
  }

  close(name: string): void {
    if (name === "image") this.#inImage = false;
  }
}

function cvatObject(name: string, attributes: Attributes, k: number): DrawnObject | null {
  const base = { id: `${attributes["label"] ?? name} ${k}`, label: labelOf(attributes["label"]) };
  const number = (key: string): number => Number(attributes[key] ?? Number.NaN);
  switch (name) {
    case "polygon":
      return { ...base, shape: { kind: "rings", rings: [pointsOf(attributes["points"])], unit: "pixels" } };
    case "ellipse": {
      const [x, y, rx, ry] = ["cx", "cy", "rx", "ry"].map(number) as [number, number, number, number];
      const angle = Number(attributes["rotation"] ?? 0);
      return { ...base, shape: { kind: "ellipse", x, y, rx, ry, angle, unit: "pixels" } };
    }
    case "mask": {
      const runs = (attributes["rle"] ?? "").split(",").map(Number);
      const [width, height, left, top] = ["width", "height", "left", "top"].map(number) as [
        number,
        number,
        number,
        number,
      ];
      return { ...base, shape: { kind: "rows", runs, width, height, at: [left, top] } };
    }
    case "box":
    case "cuboid":
      return { ...base, leave: "box_only" };
    case "polyline":
    case "points":
    case "skeleton":
      return { ...base, leave: "shape_unsupported", detail: name };
    default:
      return null;
  }
}

const pointsOf = (text = ""): number[] =>
  text
    .split(";")
    .filter((point) => point.trim() !== "")
    .flatMap((point) => {
      const [x, y] = point.split(",").map(Number);
      return [x ?? Number.NaN, y ?? Number.NaN];
    });

/** One file of VOC or LabelMe: objects with a box, a polygon, or both. */
class VocImage {
  readonly #file: string;
  readonly #objects: DrawnObject[] = [];
  #name: string | null = null;
  #size: Record<string, number> = {};
  #label: string | null = null;
  #ring: number[] = [];
  #box = false;
  #deleted = false;
  #mask = "";
  /** Files of `Masks/` by their object's place. */
  readonly #masks = new Map<number, string>();

  constructor(file: string) {
    this.#file = file;
  }

  open(path: readonly string[]): void {
    if (path.at(-1) !== "object" || path.length !== 2) return;
    [this.#label, this.#ring, this.#box, this.#deleted, this.#mask] = [null, [], false, false, ""];
  }

  close(path: readonly string[], text: string): void {
    const [, top, second = "", third] = path;
    const name = path.at(-1);
    if (path.length === 2 && top === "filename") this.#name = text;
    else if (top === "size" && path.length === 3) this.#size[second] = Number(text);
    else if (top === "imagesize" && path.length === 3)
      this.#size[second.replace(/^n?rows$/, "height").replace(/^n?cols$/, "width")] = Number(text);
    if (top !== "object") return;
    if (path.length === 2) this.#end();
    else if (path.length === 3 && second === "name") this.#label = labelOf(text);
    else if (path.length === 3 && second === "deleted") this.#deleted = text === "1";
    else if (second === "segm" && third === "mask" && path.length === 4) this.#mask = text;
    else if (second === "bndbox" || second === "robndbox") this.#box = true;
    else if (second === "polygon" && (third === "pt" ? path.length === 5 : /^[xy]\d+$/.test(name ?? "")))
      this.#ring.push(Number(text));
  }

  #end(): void {
    if (this.#deleted) return;
    const base = { id: `object ${this.#objects.length + 1}`, label: this.#label };
    if (this.#mask !== "") this.#masks.set(this.#objects.length, this.#mask);
    if (this.#ring.length > 0)
      this.#objects.push({ ...base, shape: { kind: "rings", rings: [this.#ring], unit: "pixels" } });
    else this.#objects.push({ ...base, leave: this.#box ? "box_only" : "shape_unsupported" });
  }

  /** LabelMe's segmentations are pictures in `Masks/` beside the file, which are read here. */
  async image({ zip, claim, limits, signal }: FormatContext): Promise<AnnotatedImage> {
    const read = new Set<string>();
    for (const [k, name] of this.#masks) {
      const file = `${folderOf(this.#file)}Masks/${name}`;
      const { id, label } = this.#objects[k] as DrawnObject;
      const bytes = zip.entries.get(file)?.bytes;
      // A file is one object's, so that an image's masks take no more memory than the archive has.
      if (bytes === undefined || bytes > limits.maxDocumentBytes || read.has(file)) {
        const why =
          bytes === undefined ? "is not there" : read.has(file) ? "is another object's" : "is too large";
        this.#objects[k] = { id, label, leave: "mask_unreadable", detail: `${file} ${why}` };
        continue;
      }
      claim(file);
      read.add(file);
      const data = (await zip.read(file, signal)).toString("base64");
      this.#objects[k] = { id, label, shape: { kind: "bitmap", data, zlib: false, at: [0, 0] } };
    }
    const stem = baseStemOf(this.#file);
    return {
      image: this.#name ? [this.#name, stem] : stem,
      size: sizeOf(this.#size["width"], this.#size["height"]),
      objects: this.#objects,
    };
  }
}
