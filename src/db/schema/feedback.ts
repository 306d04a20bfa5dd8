import { boolean, check, index, integer, jsonb, pgTable, real, sql, text, uniqueIndex } from "../drizzle.ts";
import type { FeedbackAction } from "../../domain/feedback.ts";
import { annotations } from "./annotations.ts";
import { createdAt } from "./common.ts";
import type { LoggedPrompt } from "../../domain/prompts.ts";
import { projects } from "./projects.ts";

/**
 * What a person said of one predicted mask; the last word counts, so there is one row for each drawn prompt and for each
 * object that was found. Inserting a
 * correction is an event: a trigger starts a fine-tune once the project's `fine_tune_after_corrections` are there.
 */
export const feedback = pgTable(
  "feedback",
  {
    id: text("id")
      .primaryKey()
      .default(sql`'fb_' || replace(gen_random_uuid()::text, '-', '')`),
    workspaceId: text("workspace_id").notNull().default(""),
    projectId: text("project_id")
      .notNull()
      .references(() => projects.id, { onDelete: "cascade" }),
    /** Kept when the prediction's log entry has gone by its retention. */
    predictionId: text("prediction_id").notNull(),
    /** Place of the prompt in the request, and of the mask among the prompt's masks. */
    promptIndex: integer("prompt_index").notNull(),
    maskIndex: integer("mask_index").notNull().default(0),
    /** Whose mask it was; 0 is the base. */
    version: integer("version").notNull(),
    action: text("action").$type<FeedbackAction>().notNull(),
    prompt: jsonb("prompt")
      .$type<LoggedPrompt>()
      .notNull()
      .default(sql`'{}'`),
    /** IoU of the prediction with the correction; null where the prediction could not be made again. */
    iou: real("iou"),
    /** What it became; null for a rejection, and once the annotation is deleted. */
    annotationId: text("annotation_id").references(() => annotations.id, { onDelete: "set null" }),
    actor: text("actor"),
    /** A correction's: a fine-tune has begun since, by a trigger, so that it does not count towards the next one. */
    counted: boolean("counted").notNull().default(false),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex("feedback_mask_key").on(
      table.projectId,
      table.predictionId,
      table.promptIndex,
      table.version,
      table.maskIndex,
    ),
    index("feedback_project_idx").on(table.projectId, table.createdAt, table.id),
    index("feedback_annotation_idx").on(table.annotationId),
    check("feedback_action_check", sql`action in ('accept', 'reject', 'correct')`),
    check("feedback_place_check", sql`prompt_index >= 0 and mask_index >= 0 and version >= 0`),
    check("feedback_iou_check", sql`iou between 0 and 1`),
  ],
);
