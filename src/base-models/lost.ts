import { z } from "zod";
import { focusSchema } from "../domain/focus.ts";

/** What our own exports say of their scores: see exports/card-scores.ts. */
const scoresSchema = z.object({
  images: z.number(),
  as_served_mean_iou: z.number(),
  decoder_alone_mean_iou: z.number().nullable(),
});

const kept = new Set(["made_by", "project", "version", "holds", "focus", "scores"]);

/** What is kept of what a file says of itself: what our own exports say of the version that they are of. */
export const saysKept = (says: Readonly<Record<string, string>>): Record<string, string> =>
  says["made_by"] === "maskwright"
    ? Object.fromEntries(Object.entries(says).filter(([key]) => kept.has(key)))
    : {};

/**
 * What a base model made of a file lacks of what the file was exported from, by what the file says of itself: a base
 * model is a decoder on whole images. One sentence or two, for people; unchecked, as the file is.
 */
export function lostText(says: Readonly<Record<string, string>>): string {
  if (says["made_by"] !== "maskwright")
    return "The file does not say whether its decoder wants windows or refined masks: it is used on whole images, as base models are.";
  const focus = parsed(focusSchema, says["focus"]);
  if (!focus)
    return "The file says that its decoder works on whole images, as base models do: nothing is lost.";
  const lost = [
    focus.zoom && `the window round each prompt${focus.zoom.tiles > 1 ? ` and its tiles` : ""}`,
    focus.refine && ("point_head" in focus.refine ? "the point head" : "the guided filter"),
  ].filter((part) => part !== null);
  const scores = parsed(scoresSchema, says["scores"]);
  const share = (value: number | null): string => value?.toFixed(3) ?? "not measured";
  const told = scores
    ? ` Mean IoU on the version's ${scores.images} held-out images: ${share(scores.decoder_alone_mean_iou)} for the decoder alone, ${share(scores.as_served_mean_iou)} as served.`
    : "";
  return `A base model is a decoder on whole images: lost of the version in the file are ${lost.join(" and ")}.${told} Import it as a version of a project to keep them.`;
}

function parsed<Schema extends z.ZodType>(schema: Schema, text: string | undefined): z.output<Schema> | null {
  if (text === undefined) return null;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
