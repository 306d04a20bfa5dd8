import { z } from "@hono/zod-openapi";
import type { Project } from "../../db/queries/projects.ts";
import { promotionPolicies } from "../../domain/gate.ts";
import { baseChoiceSchema, toBaseChoice } from "./base-choice.ts";
import { iso, timeText } from "../http/scope.ts";

export const promotionPolicy = z.enum(promotionPolicies).openapi({
  description:
    "Whether the version from a fine-tune goes live automatically. auto: if the 95 % interval of its gain over the base " +
    "lies above zero; manual: never; always: regardless of the measurement.",
});

export const afterCorrections = z.int().min(1).max(1_000_000).nullable().openapi({
  description:
    "Number of new corrections (feedback) after which a fine-tune starts automatically; null: never. Corrections since the last fine-tune began count; while one runs, they are checked when it ends.",
});

export const retentionDays = z.int().min(0).max(3650).openapi({
  description: "How many days logged predictions are kept; 0: until the next sweep, at most an hour.",
});

export const projectSchema = z
  .object({
    id: z.string(),
    object: z.literal("project"),
    name: z.string(),
    base_model: z.string(),
    base_choice: baseChoiceSchema.nullable().openapi({
      description:
        "For a project made with base_model auto: its first fine-tune tries the installation's base models and keeps one, which base_model is from then on; until then base_model is the built-in one. null if the base model was named, or if a version was uploaded before one was chosen.",
    }),
    active_version: z
      .int()
      .nullable()
      .openapi({ description: "The version that predict uses; null means the base." }),
    promotion_policy: promotionPolicy,
    fine_tune_after_corrections: afterCorrections,
    prediction_retention_days: retentionDays,
    created_at: timeText,
  })
  .openapi("Project");

export const toProject = (row: Project): z.output<typeof projectSchema> => ({
  id: row.id,
  object: "project",
  name: row.name,
  base_model: row.baseModel,
  base_choice: row.baseChoice && toBaseChoice(row.baseChoice),
  active_version: row.activeVersion,
  promotion_policy: row.promotionPolicy,
  fine_tune_after_corrections: row.fineTuneAfterCorrections,
  prediction_retention_days: row.predictionRetentionDays,
  created_at: iso(row.createdAt),
});
