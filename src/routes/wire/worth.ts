import { z } from "@hono/zod-openapi";
import { mostCompared, mostRanked, type Weighed, type Worth, worthReasons } from "../../actions/worth.ts";
import type { Image } from "../../db/queries/images.ts";
import { imageSchema, toImage } from "./image.ts";

const worthSchema = z
  .object({
    rank: z
      .int()
      .nullable()
      .openapi({
        description: `From 1, the best to label next; null for images that are not ranked: those without an embedding yet, and those beyond the first ${mostRanked} or the newest ${mostCompared}.`,
      }),
    reasons: z.array(z.enum(worthReasons)).openapi({
      description:
        "`in_the_middle`: nothing is labelled, and it is the most typical image. `unlike_others`: it is least like what is labelled or ranked higher. `finder_unsure`: the live version's finder is in doubt about it. `near_duplicate`: it shows the same as an image that is labelled or ranked higher. `not_embedded`: it has not been looked at; opening it or an auto-label does so. `beyond_ranking`: only so many are ranked.",
    }),
    distance: z.number().nullable().openapi({
      description:
        "From 0, the same as an image that is labelled or ranked higher, to 1, as far from all of these as two images usually are; null if there are none.",
    }),
    doubt: z.number().nullable().openapi({
      description:
        "The finder's doubt, 1 for the image it doubts most; null if the live version has not looked for objects in it.",
    }),
    near_duplicate_of: z.string().nullable().openapi({
      description: "The image ranked higher that shows the same; null where that one is labelled.",
    }),
  })
  .openapi("Worth");

/** An image in a list. */
export const listedImageSchema = imageSchema
  .extend({
    worth: worthSchema.optional().openapi({ description: "Only with `order=worth`." }),
  })
  .openapi("ListedImage");

const rounded = (value: number | null): number | null =>
  value === null ? null : Math.round(value * 1000) / 1000;

const toWorth = ({ rank, reasons, distance, doubt, duplicateOf }: Worth): z.output<typeof worthSchema> => ({
  rank,
  reasons: [...reasons],
  distance: rounded(distance),
  doubt: rounded(doubt),
  near_duplicate_of: duplicateOf,
});

export const toListed = (
  row: Image,
  { worth }: Pick<Weighed, "worth">,
): z.output<typeof listedImageSchema> => ({
  ...toImage(row),
  worth: toWorth(worth),
});
