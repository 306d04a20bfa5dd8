import { plannedFile } from "../masks.ts";
import { baseStemOf, folderOf, isImageName } from "../paths.ts";
import type { PlannedImage, Source } from "../plan.ts";
import type { FormatContext } from "../types.ts";
import { ValueNames } from "../value-names.ts";

/**
 * nnU-Net's raw data: `dataset.json`, `imagesTr/x_0000.png`, `labelsTr/x.png`, whose values `labels` names. The first
 * of several channels is the picture. Source: nnU-Net 2.5, `documentation/dataset_format.md`.
 */
export async function nnuNetSource(context: FormatContext): Promise<Source | null> {
  const { zip, claim, report, signal } = context;
  const planned = new Map<string, PlannedImage>();
  let first = "";
  for (const file of zip.entries.keys()) {
    if (!/(^|\/)dataset\.json$/i.test(file)) continue;
    const names = labelsOf((await zip.read(file, signal)).toString("utf8"));
    if (!names) continue;
    claim(file);
    first ||= file;
    const folder = folderOf(file);
    const style = { labels: true, instances: false, inverted: false };
    for (const name of [...zip.entries.keys()].filter((one) => one.startsWith(folder) && isImageName(one))) {
      const [, part, channel] = /^images(Tr|Ts)\/.+_(\d{4})\.[^.]+$/.exec(name.slice(folder.length)) ?? [];
      if (part === undefined) continue;
      if (channel !== "0000") {
        claim(name);
        report.leave("other_pages", { file: name, detail: "another channel of the same picture" });
        continue;
      }
      const stem = baseStemOf(name).replace(/_0000$/, "");
      const mask = [...zip.entries.keys()].find(
        (one) => one.startsWith(`${folder}labels${part}/`) && baseStemOf(one) === stem,
      );
      if (mask !== undefined) claim(mask);
      planned.set(name, {
        name,
        alsoNamed: [],
        declared: null,
        group: undefined,
        split: part === "Ts" ? "test" : null,
        count: mask === undefined ? 0 : 1,
        background: false,
        masks: () => (mask === undefined ? [] : [plannedFile(mask, null, style, context, names)]),
      });
    }
  }
  return planned.size === 0
    ? null
    : { layout: "nnunet", title: "nnU-Net", file: first, rank: 7, images: planned };
}

/** `{"background": 0, "stamp": 1}`, or version 1's `{"0": "background", "1": "stamp"}`. */
function labelsOf(text: string): ValueNames | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  const { labels, channel_names: channels, modality, numTraining } = (json ?? {}) as Record<string, unknown>;
  if (typeof labels !== "object" || labels === null || !(channels ?? modality ?? numTraining)) return null;
  const byValue = new Map<number, string>();
  for (const [key, value] of Object.entries(labels)) {
    if (typeof value === "number") byValue.set(value, key);
    else if (typeof value === "string") byValue.set(Number(key), value);
  }
  return new ValueNames(byValue, new Map());
}
