import { SaxesParser, type SaxesTagPlain } from "saxes";
import { type DrawingTag, drawingTags } from "../../exports/annotations/formats/label-studio-region.ts";
import { AppError } from "../../lib/errors.ts";

/** A tag that regions of ours can belong to. */
export interface Control {
  readonly tag: DrawingTag;
  readonly name: string;
  readonly toName: string;
  /** As regions name them; null where tasks bring their own. */
  readonly labels: readonly string[] | null;
  /** The key of a task's data that holds the image. */
  readonly imageKey: string;
}

/** What a labelling interface lets us draw: the fullest kind first, then as it stands there. At least one. */
export type LabellingConfig = readonly [Control, ...Control[]];

interface Labels {
  /** Null once one of them comes with the task. */
  labels: string[] | null;
}

/**
 * Reads a labelling interface's XML: BrushLabels, PolygonLabels and RectangleLabels on an Image. `param` is what it is
 * called in the request. Throws AppError label_config_unsupported. Source: labelstud.io/tags.
 */
export function readLabellingConfig(xml: string, param: string): LabellingConfig {
  const images = new Map<string, string>();
  const found: (Omit<Control, "imageKey" | "labels"> & Labels)[] = [];
  let open: (typeof found)[number] | null = null;
  const parser = new SaxesParser();
  parser.on("error", (error) => {
    throw unsupported(`it is no XML (${error.message.slice(0, 200)})`, param);
  });
  parser.on("opentag", ({ name: tag, attributes }: SaxesTagPlain) => {
    const { name = "", toName = "", value = "", alias } = attributes;
    if (tag === "Image" && value.startsWith("$")) images.set(name, value.slice(1));
    if (isDrawingTag(tag)) found.push((open = { tag, name, toName, labels: value === "" ? [] : null }));
    if (tag === "Label" && open?.labels) {
      if (value.startsWith("$")) open.labels = null;
      else open.labels.push(alias ?? value);
    }
  });
  parser.on("closetag", ({ name }: SaxesTagPlain) => {
    if (name === open?.tag) open = null;
  });
  parser.write(xml).close();
  const controls = found.flatMap((one): Control[] => {
    const imageKey = images.get(one.toName);
    return imageKey === undefined ? [] : [{ ...one, imageKey }];
  });
  const [first, ...rest] = controls.toSorted((a, b) => rankOf(a) - rankOf(b));
  if (first) return [first, ...rest];
  throw unsupported(`it has no ${drawingTags.join(", ")} whose toName is an Image of a task's data`, param);
}

/** The control that a region with this label belongs to. */
export const controlFor = (config: LabellingConfig, label: string | null): Control =>
  config.find(({ labels }) => label !== null && (labels === null || labels.includes(label))) ?? config[0];

const isDrawingTag = (tag: string): tag is DrawingTag => drawingTags.some((one) => one === tag);
const rankOf = ({ tag }: Control): number => drawingTags.indexOf(tag);

const unsupported = (why: string, param: string): AppError =>
  new AppError("label_config_unsupported", `${param}: the labelling interface can't be used: ${why}.`, {
    param,
  });
