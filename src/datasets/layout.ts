import { planFolders } from "./folders.ts";
import { readAnnotations } from "./json-layouts.ts";
import type { Plan } from "./plan.ts";
import { layoutUnknown } from "./problems.ts";
import type { DatasetLimits, LayoutContext } from "./types.ts";
import { isYoloLabel, planYolo } from "./yolo.ts";
import type { ZipReader } from "./zip.ts";

/** A layout that a zip was found to have, and how to plan it. */
export interface Found {
  readonly kind: string;
  /** The file that shows it. */
  readonly file: string;
  readonly plan: () => Plan | Promise<Plan>;
}

/**
 * Finds out how a zip is laid out, and plans it.
 *
 * COCO and Label Studio: `annotations.json` at the top, else the only JSON file at the top or in annotations/ that has
 * `images` and `annotations`, or tasks with `data` and `annotations`. YOLO: labels/ with text files. Folders: images/ (and
 * masks/). Two at once are an error: one would have to be ignored. So is a zip with boxes and no mask.
 * Throws AppError import_layout_unknown, import_too_large or import_file_invalid.
 */
export async function findLayout(
  zip: ZipReader,
  limits: DatasetLimits,
  context: LayoutContext,
): Promise<Plan> {
  const names = [...zip.entries.keys()];
  const json = names.filter((name) => /^(annotations\/)?[^/]+\.json$/i.test(name) && name !== "groups.json");
  const candidates = json.includes("annotations.json") ? ["annotations.json"] : json;
  const found: Found[] = [];
  for (const file of candidates) {
    const layout = await readAnnotations(zip, file, limits, context);
    if (layout) found.push(layout);
  }
  const labels = names.find(isYoloLabel);
  if (labels !== undefined)
    found.push({ kind: "YOLO labels", file: labels, plan: () => planYolo(zip, context) });
  const masks = names.find((name) => /^masks\/.+\.png$/i.test(name));
  if (masks !== undefined) found.push({ kind: "masks", file: masks, plan: () => planFolders(zip) });
  const [first, second] = found;
  if (first && second) {
    throw layoutUnknown(
      first.kind === second.kind
        ? `the zip has two of these: ${first.kind}, ${first.file} and ${second.file}; import them one by one`
        : `the zip has both ${first.kind}, ${first.file}, and ${second.kind}, ${second.file}; leave out one of them`,
    );
  }
  const plan = first ? await first.plan() : imagesAlone(zip, names, candidates);
  if (plan.images.length === 0) throw layoutUnknown("the zip has no image");
  const without = plan.skipped.boxes + plan.skipped.shapes;
  if (without > 0 && plan.images.every((image) => image.count === 0))
    throw layoutUnknown(
      `the zip has ${without} boxes or other shapes and not one mask or polygon to learn from`,
    );
  return plan;
}

/** images/ without any mask: the images come in unannotated, unless a JSON file was meant to annotate them. */
function imagesAlone(zip: ZipReader, names: readonly string[], candidates: readonly string[]): Plan {
  if (names.some((name) => name.startsWith("images/"))) {
    if (candidates.length === 0) return planFolders(zip);
    throw layoutUnknown(
      `${candidates[0]} is not COCO (it lacks \`images\` or \`annotations\`) nor Label Studio's export JSON, ` +
        "and there is no folder masks/ or labels/",
    );
  }
  const some = names.slice(0, 3).join(", ");
  throw layoutUnknown(
    "the zip has neither a COCO file or Label Studio export (annotations.json, or one other .json at the top or in " +
      "annotations/) nor images/ with masks/ or labels/; " +
      (some === "" ? "it is empty" : `it begins with ${some}`),
  );
}
