import { z } from "@hono/zod-openapi";
import { idText, versionNumber } from "../http/scope.ts";

/** The shapes of boxes, points and masks; whether they fit their image is imaging's to check. */
export const box = z
  .tuple([z.number(), z.number(), z.number(), z.number()], {
    error: "a box is [x0, y0, x1, y1], four numbers in pixels",
  })
  .openapi({ description: "[x0, y0, x1, y1] in pixels of the original image.", example: [10, 20, 110, 90] });

export const point = z
  .tuple([z.number(), z.number(), z.number()], {
    error: "a point is [x, y, label] in pixels; label 1 is on the object, 0 beside it",
  })
  .openapi({ description: "[x, y, label]; label 1 is foreground, 0 background.", example: [64, 48, 1] });

const side = z.int().min(1);

/** Texts that only the body's own limit bounds. */
const longText = z.string().max(512 * 1024 * 1024);
/** Corners of a ring, twice; all rings of a request together have at most as many values as a body may have. */
const maxRing = 100_000;
const maxRings = 20_000;

const rle = z.strictObject({
  format: z.literal("rle"),
  size: z.tuple([side, side]).openapi({ description: "[height, width]" }),
  counts: longText.openapi({ description: "COCO's compressed run-length text." }),
});
const flatRing = { error: "a polygon is [x, y, x, y, …], one number after the other" };
const polygon = z.strictObject({
  format: z.literal("polygon"),
  polygons: z
    .array(z.array(z.number(flatRing), flatRing).max(maxRing))
    .max(maxRings)
    .openapi({ description: "Rings as [x, y, x, y, …]." }),
});
const png = z.strictObject({
  format: z.literal("png"),
  data: longText.openapi({
    description: "A PNG in base64 (a data URL is taken, too): 0 is background, 255 foreground.",
  }),
});
const logits = z.strictObject({
  format: z.literal("logits"),
  shape: z.tuple([side, side]).openapi({ description: "[height, width]" }),
  dtype: z.literal("float32"),
  data: longText.openapi({ description: "Little-endian float32 in base64, row-major." }),
});

export const maskReference = z
  .strictObject({
    format: z.literal("prediction"),
    id: idText().openapi({ description: "An earlier prediction on the same image." }),
    version: z
      .union([z.literal("base"), versionNumber()])
      .optional()
      .openapi({ description: "The version whose mask is meant; defaults to the first that answered." }),
    prompt: z.int().min(0).default(0).openapi({ description: "Index of the prompt in that request." }),
    mask: z.int().min(0).default(0).openapi({ description: "Index among that prompt's masks." }),
  })
  .openapi({
    description: "The mask of an earlier answer, as the decoder made it, without sending it back and forth.",
  });

/** What a mask that was sent can fail with, logits aside. */
export const maskErrors = [
  "mask_size_mismatch",
  "mask_empty",
  "mask_not_binary",
  "mask_rle_invalid",
  "mask_polygon_invalid",
  "mask_png_invalid",
] as const;

/** What a drawn box or point can fail with, on an image and for a version that looks closer. */
export const drawnErrors = [
  "prompt_empty",
  "too_many_points",
  "too_many_regions",
  "box_outside_image",
  "box_zero_area",
  "point_outside_image",
] as const;

/** What is sent in a mask's place, most often rows of pixels. */
const noMask = {
  error: ({ code }: { code?: string }) =>
    code === "invalid_type" ? 'a mask is an object: {"format": "rle", "polygon" or "png", …}' : undefined,
};
/** Ground truth: logits are no truth. */
export const annotationMask = z
  .discriminatedUnion("format", [rle, polygon, png], noMask)
  .openapi("AnnotationMask");
export const wireMask = z.discriminatedUnion("format", [rle, polygon, png, logits]).openapi("Mask");
/** A mask in an answer, together with what stands beside it: its schema names all of it, and nothing else comes. */
export const maskWith = <Shape extends z.ZodRawShape>(beside: Shape) =>
  z.discriminatedUnion("format", [
    rle.extend(beside),
    polygon.extend(beside),
    png.extend(beside),
    logits.extend(beside),
  ]);
/** The same, of masks that a reader can do with as they stand. */
export const plainMaskWith = <Shape extends z.ZodRawShape>(beside: Shape) =>
  z.discriminatedUnion("format", [rle.extend(beside), polygon.extend(beside)]);
/** What a prompt may carry: a mask, or where to find one. */
export const promptMask = z
  .discriminatedUnion("format", [rle, polygon, png, logits, maskReference], noMask)
  .openapi("PromptMask");
export const maskFormat = z.enum(["rle", "polygon", "png", "logits"]);
