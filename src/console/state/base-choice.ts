import type { Project } from "../api/types.ts";
import { score } from "./text.ts";

/** A base model with where it comes from, for people. */
export function baseText(name: string, choice: Project["base_choice"] | undefined): string {
  if (!choice) return name;
  if (choice.fine_tune_id === null) return `${name}, until the first fine-tune chooses one`;
  if (choice.tried.length === 0) return `${name}, the only one that there was`;
  const each = choice.tried.map(({ base_model: base, mean_iou: plain, tuned_mean_iou: tuned }) => {
    const after = tuned === null ? "" : `, ${score(tuned)} after a short training`;
    return `${base} ${score(plain)} as it is${after}`;
  });
  const left = choice.not_tried.length > 0 ? `; not tried: ${choice.not_tried.join(", ")}` : "";
  return `${name}, chosen by mean IoU on ${choice.annotations} annotations: ${each.join("; ")}${left}`;
}
