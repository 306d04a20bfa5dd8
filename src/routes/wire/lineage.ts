import { z } from "@hono/zod-openapi";
import type { LoggedPrompt } from "../../domain/prompts.ts";
import { box, point } from "./mask.ts";

export const versionOrBase = z.union([z.literal("base"), z.int()]);
export const toVersionName = (number: number): "base" | number => (number === 0 ? "base" : number);

/** A prompt as the log has it: what was asked, but logits. */
export const loggedPromptSchema = z
  .object({
    box: box.optional().openapi({
      description:
        "With `label` or `like`, the region that was searched; in the lineage of a found object, the box that its mask was made with, which nobody drew.",
    }),
    points: z.array(point).optional(),
    mask: z
      .union([
        z.object({ format: z.literal("rle"), size: z.tuple([z.int(), z.int()]), counts: z.string() }),
        z.object({
          format: z.literal("prediction"),
          id: z.string(),
          version: z.int(),
          prompt: z.int(),
          mask: z.int(),
        }),
      ])
      .nullable()
      .optional()
      .openapi({ description: "null if logits were sent, which are not logged. Version 0 is the base." }),
    grid: z.literal(true).optional().openapi({
      description:
        "The point comes from segment-everything's grid: nobody clicked there, and prompt sampling does not learn from it.",
    }),
    label: z
      .string()
      .optional()
      .openapi({ description: "The label whose objects were asked for, as it was written." }),
    region: z.literal(true).optional().openapi({
      description: "All its objects were asked for as one mask: those in `found` are its parts.",
    }),
    find: z.literal(true).optional().openapi({ description: "The objects of all labels were asked for." }),
    like: z
      .union([
        z.object({ annotation: z.string() }),
        z.object({ annotations: z.array(z.string()) }),
        z.object({ box }),
      ])
      .optional()
      .openapi({ description: "Objects like this one were asked for." }),
    exclude: z.array(box).optional(),
    found: z
      .array(z.object({ version: versionOrBase, box, label: z.string().nullable() }))
      .optional()
      .openapi({
        description:
          "The objects found, in the order of each version's answer, with the boxes that their masks were made with.",
      }),
  })
  .openapi("LoggedPrompt");

const copied = (of: readonly [number, number, number, number]): z.output<typeof box> => [...of];

function likeOf(like: NonNullable<LoggedPrompt["like"]>) {
  if ("box" in like) return { box: copied(like.box) };
  return "annotations" in like ? { annotations: [...like.annotations] } : like;
}

export const toLoggedPrompt = ({
  box: around,
  points,
  mask,
  grid,
  label,
  region,
  find,
  like,
  exclude,
  found,
}: LoggedPrompt): z.output<typeof loggedPromptSchema> => ({
  ...(around && { box: copied(around) }),
  ...(points && { points: points.map((at) => [...at] as [number, number, number]) }),
  ...(mask !== undefined && { mask }),
  ...(grid && { grid }),
  ...(label !== undefined && { label }),
  ...(region && { region }),
  ...(find && { find }),
  ...(like && { like: likeOf(like) }),
  ...(exclude && { exclude: exclude.map(copied) }),
  ...(found && {
    found: found.map(([version, by, name]) => ({
      version: toVersionName(version),
      box: copied(by),
      label: name,
    })),
  }),
});
