import { z } from "@hono/zod-openapi";
import type { FineTune } from "../../db/queries/fine-tunes.ts";
import { hyperparametersSchema } from "../../domain/hyperparameters.ts";
import type { AppError } from "../../lib/errors.ts";
import { invalidRequest } from "../http/errors.ts";
import { iso, isoOrNull, timeText, versionNumber } from "../http/scope.ts";

/** What a fine-tune is started with. */
export const fineTuneBody = z.strictObject({
  hyperparameters: hyperparametersSchema.default({}).openapi({
    description: 'Each a value or "auto"; a name that is left out is "auto".',
  }),
  base_version: versionNumber()
    .optional()
    .openapi({ description: "Start from this version instead of the base." }),
  seed: z.int().min(0).max(2_147_483_647).default(0),
});

/** What is wrong with it; faults of a recipe have a code of their own. */
export function fineTuneFault(error: z.ZodError, target: string): AppError {
  const inRecipe = error.issues[0]?.path[0] === "hyperparameters";
  return invalidRequest(error, target, inRecipe ? "hyperparameter_invalid" : "invalid_request");
}

/** A fine-tune as it is sent, by OpenAI's conventions; shared by the resource and its event stream. */
export const fineTuneSchema = z
  .object({
    id: z.string(),
    object: z.literal("fine_tune"),
    project_id: z.string(),
    cause: z.enum(["request", "corrections"]).openapi({
      description: "What started it: a caller, or reaching the project's `fine_tune_after_corrections`.",
    }),
    status: z.enum(["queued", "preparing", "running", "evaluating", "succeeded", "failed", "cancelled"]),
    hyperparameters: z
      .record(z.string(), z.unknown())
      .openapi({ description: "As requested; the version has the values actually used." }),
    base_version: z.int().nullable().openapi({ description: "Null means the base model." }),
    seed: z.int(),
    progress: z
      .object({
        phase: z.enum(["embed", "search", "train", "evaluate", "find", "refit", "register"]),
        done: z.int(),
        total: z.int(),
        eta_seconds: z.number().nullable(),
      })
      .nullable(),
    version: z.int().nullable().openapi({ description: "The version it produced." }),
    error: z.object({ code: z.string(), message: z.string(), param: z.string().optional() }).nullable(),
    engine: z.string().nullable(),
    stop_requested_at: timeText.nullable().openapi({ description: "When stopping early was requested." }),
    created_at: timeText,
    started_at: timeText.nullable(),
    finished_at: timeText.nullable(),
    estimated_finish: timeText.nullable(),
  })
  .openapi("FineTune");

export function toFineTune(row: FineTune): z.output<typeof fineTuneSchema> {
  const running = row.status === "preparing" || row.status === "running" || row.status === "evaluating";
  const eta = running ? (row.progress?.etaSeconds ?? null) : null;
  return {
    id: row.id,
    object: "fine_tune",
    project_id: row.projectId,
    cause: row.cause,
    status: row.status,
    hyperparameters: row.hyperparameters,
    base_version: row.baseVersion,
    seed: row.seed,
    progress: row.progress && {
      phase: row.progress.phase,
      done: row.progress.done,
      total: row.progress.total,
      eta_seconds: row.progress.etaSeconds,
    },
    version: row.resultVersion,
    error: row.error && {
      code: row.error.code,
      message: row.error.message,
      ...(row.error.param !== undefined && { param: row.error.param }),
    },
    engine: row.engine,
    stop_requested_at: isoOrNull(row.stopRequestedAt),
    created_at: iso(row.createdAt),
    started_at: isoOrNull(row.startedAt),
    finished_at: isoOrNull(row.finishedAt),
    estimated_finish: eta === null ? null : iso(new Date(Date.now() + eta * 1000)),
  };
}
