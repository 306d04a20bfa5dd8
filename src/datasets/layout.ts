import { looksLikeCoco, planCoco } from "./coco.ts";
import { planFolders } from "./folders.ts";
import type { Plan } from "./plan.ts";
import { fileError, layoutUnknown } from "./problems.ts";
import type { ZipReader } from "./zip.ts";

/**
 * Finds out how a zip is laid out, and plans it. COCO: `annotations.json` at the top, else the only JSON file at the top or
 * in annotations/ that has `images` and `annotations`. Folders: images/ (and masks/). Both at once is an error: one would
 * have to be ignored. Throws AppError import_layout_unknown or import_file_invalid.
 */
export async function findLayout(zip: ZipReader, signal?: AbortSignal): Promise<Plan> {
  const names = [...zip.entries.keys()];
  const json = names.filter((name) => /^(annotations\/)?[^/]+\.json$/i.test(name) && name !== "groups.json");
  const candidates = json.includes("annotations.json") ? ["annotations.json"] : json;
  const coco: { file: string; json: unknown }[] = [];
  for (const file of candidates) {
    const parsed = parse(file, await zip.read(file, signal));
    if (looksLikeCoco(parsed)) coco.push({ file, json: parsed });
  }
  const masks = names.find((name) => /^masks\/.+\.png$/i.test(name));
  const [first, second] = coco;
  if (first && second)
    throw layoutUnknown(
      `the zip has two COCO files, ${first.file} and ${second.file}; import them one by one`,
    );
  if (first && masks !== undefined)
    throw layoutUnknown(
      `the zip has both a COCO file, ${first.file}, and masks, ${masks}; leave out one of them`,
    );
  const plan = first ? planCoco(zip, first.file, first.json) : folders(zip, names, candidates, masks);
  if (plan.images.length === 0) throw layoutUnknown("the zip has no image");
  return plan;
}

function folders(
  zip: ZipReader,
  names: readonly string[],
  candidates: readonly string[],
  masks: string | undefined,
): Plan {
  const known = names.some((name) => name.startsWith("images/"));
  if (known && masks === undefined && candidates.length > 0)
    throw layoutUnknown(
      `${candidates[0]} is not COCO (it lacks \`images\` or \`annotations\`), and there is no folder masks/`,
    );
  if (known || masks !== undefined) return planFolders(zip);
  const some = names.slice(0, 3).join(", ");
  throw layoutUnknown(
    "the zip has neither a COCO file (annotations.json, or one other .json at the top or in annotations/) nor images/ and masks/; " +
      (some === "" ? "it is empty" : `it begins with ${some}`),
  );
}

function parse(file: string, bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8").replace(/^\uFEFF/, ""));
  } catch (error) {
    throw fileError(file, "is not JSON", error);
  }
}
