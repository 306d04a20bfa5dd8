import { z } from "@hono/zod-openapi";
import { mostWithAllKinds } from "../../domain/evaluation.ts";
import type { VersionMetrics } from "../../domain/version.ts";

type Evaluation = NonNullable<VersionMetrics["evaluation"]>;
type Prompts = Evaluation["prompts"][number];

/** A list of versions tells less of each. */
export type Detail = "brief" | "full";

const kind = z.enum(["box", "jittered_box", "one_click", "three_clicks", "click_refine"]).openapi({
  description:
    "box: the annotation's own box; jittered_box: a box as drawn by hand; one_click: a click on the mask's most " +
    "interior point; three_clicks: each click after the first corrects the previous answer; click_refine: the first " +
    "click and a corrective one, with the low-res logits of the first answer.",
});

const promptScores = z.object({
  mean_iou: z.number(),
  mean_dice: z.number(),
  mean_boundary_iou: z.number().openapi({ description: "Cheng et al. 2021, 2 % of the diagonal deep." }),
  calibration_error: z.number().openapi({
    description: "Expected calibration error of the scores that predictions carry, ten bins.",
  }),
});

const gain = z.object({ mean: z.number(), low: z.number().nullable(), high: z.number().nullable() }).openapi({
  description:
    "Tuned less base, with its 95 % interval over groups of images: a paired bootstrap of 2,000, or with fewer " +
    "than 8 groups Student's. Ends are null with one group.",
});

export const evaluationSchema = z.object({
  prompts: z.array(
    z.object({
      kind,
      annotations: z.int().openapi({
        description: `box has all held-out annotations, the others at most ${mostWithAllKinds}, the same for every version.`,
      }),
      groups: z.int(),
      base: promptScores,
      tuned: promptScores,
      gain: z.object({ iou: gain, dice: gain, boundary_iou: gain }),
    }),
  ),
  examples: z
    .object({ best: z.string(), median: z.string(), worst: z.string() })
    .openapi({ description: "Annotations ordered by their gain with the box prompt." }),
  per_image: z
    .array(
      z.object({
        image_id: z.string(),
        kind,
        annotations: z.int(),
        base_iou: z.number(),
        tuned_iou: z.number(),
      }),
    )
    .optional()
    .openapi({ description: "Only when a single version is requested." }),
});

export const toEvaluation = (
  { prompts, perImage, examples }: Evaluation,
  detail: Detail,
): z.output<typeof evaluationSchema> => ({
  prompts: prompts.map((one) => ({
    kind: one.kind,
    annotations: one.annotations,
    groups: one.groups,
    base: toScores(one.base),
    tuned: toScores(one.tuned),
    gain: { iou: one.gain.iou, dice: one.gain.dice, boundary_iou: one.gain.boundaryIou },
  })),
  examples,
  ...(detail === "full" && {
    per_image: perImage.map((one) => ({
      image_id: one.imageId,
      kind: one.kind,
      annotations: one.annotations,
      base_iou: one.baseIou,
      tuned_iou: one.tunedIou,
    })),
  }),
});

const toScores = (of: Prompts["base"]): z.output<typeof promptScores> => ({
  mean_iou: of.meanIou,
  mean_dice: of.meanDice,
  mean_boundary_iou: of.meanBoundaryIou,
  calibration_error: of.calibrationError,
});
