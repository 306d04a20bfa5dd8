import { z } from "@hono/zod-openapi";
import type { BaseChoice } from "../../domain/base-choice.ts";

export const baseChoiceSchema = z
  .object({
    fine_tune_id: z
      .string()
      .nullable()
      .openapi({ description: "The fine-tune that has chosen; null while the choice is open." }),
    tried: z
      .array(
        z.object({
          base_model: z.string(),
          mean_iou: z.number().openapi({ description: "As it is, with exact boxes on whole images." }),
          tuned_mean_iou: z.number().nullable().openapi({
            description:
              "After short trainings on either half of the annotations, each judged on the other; null if the budget had no room for them or there is but one group of images.",
          }),
        }),
      )
      .openapi({
        description:
          "Smallest image encoder first. The higher of the two scores counts; one with a larger encoder is taken if it brings 0.01 more. Empty if the installation had only one base model.",
      }),
    not_tried: z.array(z.string()).openapi({ description: "Base models that the budget had no room for." }),
    annotations: z.int().openapi({ description: "Annotations that judged; none is held out." }),
  })
  .openapi("BaseChoice");

export const toBaseChoice = ({
  fineTuneId,
  tried,
  notTried,
  annotations,
}: BaseChoice): z.output<typeof baseChoiceSchema> => ({
  fine_tune_id: fineTuneId,
  tried: tried.map(({ baseModel, meanIou, tunedMeanIou }) => ({
    base_model: baseModel,
    mean_iou: meanIou,
    tuned_mean_iou: tunedMeanIou,
  })),
  not_tried: [...notTried],
  annotations,
});
