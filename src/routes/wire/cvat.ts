import { z } from "@hono/zod-openapi";
import { open } from "./open-object.ts";

/** Messages of CVAT 2.15 to 2.54 to its functions (lambda_manager/views.py); what they hold beyond this is passed over. */

const image = z
  .string()
  .min(1)
  .max(512 * 1024 * 1024)
  .openapi({ description: "The image file, base64." });
const pair = z.tuple([z.number(), z.number()]);
const points = z
  .array(pair)
  .max(1000)
  .nullish()
  .transform((given) => given ?? []);

export const cvatInteractorBody = open({
  image,
  pos_points: points.openapi({ description: "[x, y] on the object, in pixels." }),
  neg_points: points.openapi({ description: "[x, y] beside it." }),
  obj_bbox: z
    .union([z.tuple([pair, pair]), z.array(pair).max(0)])
    .nullish()
    .openapi({ description: "Two corners of a rectangle round the object, in any order; none, or null." }),
});
export type CvatInteractorBody = z.output<typeof cvatInteractorBody>;

export const cvatDetectorBody = open({
  image,
  threshold: z.number().min(0).max(1).nullish().openapi({
    description: "Objects with a lower label score are left out; defaults to the version's own.",
  }),
});

export const cvatEncoderBody = open({ image });

const bit = z.int().min(0).max(1);

export const cvatMask = z
  .object({
    mask: z.array(z.array(bit)).openapi({ description: "Rows of the mask's own box; 1 is the object." }),
    bounds: z.tuple([z.int(), z.int(), z.int(), z.int()]).openapi({
      description: "[left, top, right, bottom] of that box in the image, the last two inclusive.",
    }),
    points: z.array(pair).max(0).optional().openapi({
      description: "Empty for a mask without a pixel; else missing, and CVAT draws the outline itself.",
    }),
  })
  .openapi("CvatMask");

export const cvatObjects = z
  .array(
    z.object({
      type: z.literal("mask"),
      label: z.string(),
      confidence: z.number().openapi({ description: "The label score, from 0 to 1." }),
      points: z.array(z.number()).optional().openapi({
        description:
          "The outline, [x, y, ...] in pixels; missing where it has too many corners to be edited.",
      }),
      mask: z.array(z.int()).openapi({
        description:
          "The pixels of the mask's own box, row by row, 0 or 1; then its left, top, right and bottom in the image, the last two inclusive.",
      }),
    }),
  )
  .openapi("CvatObjects");

export const cvatFeatures = z
  .object({ blob: z.string().openapi({ description: "float32, little endian, [1, 256, 64, 64], base64." }) })
  .openapi("CvatFeatures");

export const cvatProject = z
  .object({
    version: z.union([z.literal("base"), z.int()]).openapi({ description: "The version that answers." }),
    labels: z
      .array(z.object({ id: z.int(), name: z.string(), type: z.literal("mask") }))
      .openapi({ description: "What its detector finds: the function's spec. Empty without a finder." }),
  })
  .openapi("CvatProject");
