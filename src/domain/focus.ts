import { z } from "zod";

/** Which part of an image is encoded for a prompt. */
export const zoomSchema = z.strictObject({
  /** Side of the square window round a prompt's box, in longer sides of the box. */
  context: z.number().min(1).max(16),
  /** The window is encoded in so many tiles along each axis. */
  tiles: z.int().min(1).max(4),
  /** Side of the window round clicks without a box, pixels of the original image: what the training boxes would have. */
  click_side: z.number().min(1).max(1e6),
  /**
   * Windows lie on a raster of this part of their side, a quarter where it is left out; a coarser one lets more neighbours
   * share a window.
   */
  raster: z.number().min(0.125).max(0.5).optional(),
});

/**
 * Masks are sharpened on so many pixels at most: where a larger area may be foreground, it is scaled down. Left out, areas
 * are bounded by their sides alone.
 */
const mostPixels = z.int().min(4096).max(1_048_576).optional();

/** A guided filter along the image's own edges: see model/refine/guided-filter.ts. */
export const guidedSchema = z.strictObject({
  /** Radius of the filter's window, pixels. */
  radius: z.int().min(1).max(64),
  /** Variance of colour, of values in [0, 1], below which the image's edges do not count. */
  epsilon: z.number().min(1e-6).max(1),
  /** The filtered share of foreground above which a pixel is foreground. */
  threshold: z.number().min(0.05).max(0.95),
  most_pixels: mostPixels,
});

/** A small network that was trained with the version and judges pixels by their own colours: see model/refine/point-head.ts. */
export const pointHeadSchema = z.strictObject({
  point_head: z.strictObject({
    /** Units of each of its two hidden layers. */
    hidden: z.int().min(1).max(64),
    /** Base64 of little-endian float32, in the order of `headParts`. */
    weights: z.base64().max(64 * 1024),
    /** How many pixels of one mask are judged at most, the least certain; versions of before it was bounded have none. */
    most_points: z.int().min(1).max(4_194_304).optional(),
    most_pixels: mostPixels,
    /** What is added to the decoder's IoU predictions, which are of masks that nobody sharpened. */
    score_shift: z.number().min(-1).max(1),
  }),
});

/** How masks are sharpened. */
export const refineSchema = z.union([guidedSchema, pointHeadSchema]);

/**
 * How a version looks at an image, decided when it was trained and honoured wherever it answers. Null, for either, is
 * plain SAM: the whole image in one embedding, its mask scaled up.
 */
export const focusSchema = z.strictObject({ zoom: zoomSchema.nullable(), refine: refineSchema.nullable() });

export type Zoom = z.infer<typeof zoomSchema>;
export type Guided = z.infer<typeof guidedSchema>;
export type PointHeadSettings = z.infer<typeof pointHeadSchema>;
export type Refine = z.infer<typeof refineSchema>;
export type Focus = z.infer<typeof focusSchema>;

/** Plain SAM. */
export const plainFocus: Focus = { zoom: null, refine: null };

export const isPlain = ({ zoom, refine }: Focus): boolean => zoom === null && refine === null;
