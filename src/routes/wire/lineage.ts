import { z } from "@hono/zod-openapi";
import type { LoggedPrompt } from "../../domain/prompts.ts";
import { box, point } from "./mask.ts";

/** A prompt as the log has it: what was asked, but logits. */
export const loggedPromptSchema = z
  .object({
    box: box.optional(),
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
  })
  .openapi("LoggedPrompt");

export const versionOrBase = z.union([z.literal("base"), z.int()]);
export const toVersionName = (number: number): "base" | number => (number === 0 ? "base" : number);

export const toLoggedPrompt = ({
  box: around,
  points,
  mask,
  grid,
}: LoggedPrompt): z.output<typeof loggedPromptSchema> => ({
  ...(around && { box: [...around] as [number, number, number, number] }),
  ...(points && { points: points.map((at) => [...at] as [number, number, number]) }),
  ...(mask !== undefined && { mask }),
  ...(grid && { grid }),
});
