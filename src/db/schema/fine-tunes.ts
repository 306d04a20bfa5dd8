import { check, index, integer, jsonb, pgTable, sql, text } from "../drizzle.ts";
import type { FineTuneProgress } from "../../domain/fine-tune.ts";
import type { FineTuneStatus } from "../../domain/job-states.ts";
import { jobColumns, time } from "./common.ts";
import type { JobError } from "../../domain/job-error.ts";
import { projects } from "./projects.ts";

/**
 * Inserting a row IS the event: a trigger fills workspace_id from the project and notifies the trainers in the
 * same transaction, so `INSERT INTO fine_tunes (project_id) VALUES ('prj_…')` in psql starts a fine-tune too.
 */
export const fineTunes = pgTable(
  "fine_tunes",
  {
    id: text("id")
      .primaryKey()
      .default(sql`'ft_' || replace(gen_random_uuid()::text, '-', '')`),
    workspaceId: text("workspace_id").notNull().default(""),
    projectId: text("project_id")
      .notNull()
      .references(() => projects.id, { onDelete: "cascade" }),
    /** Who wanted it: a caller (or psql), or the project's corrections by the trigger on feedback. */
    cause: text("cause").$type<"request" | "corrections">().notNull().default("request"),
    status: text("status").$type<FineTuneStatus>().notNull().default("queued"),
    /** As requested: each a value or "auto"; a name that is left out is "auto". What was used stands in the version. */
    hyperparameters: jsonb("hyperparameters").$type<Record<string, unknown>>().notNull().default({}),
    /** The version to start from; null is the base. */
    baseVersion: integer("base_version"),
    seed: integer("seed").notNull().default(0),
    progress: jsonb("progress").$type<FineTuneProgress>(),
    /** Hash of the data that the first attempt froze; every later attempt learns from the same. */
    snapshotHash: text("snapshot_hash"),
    engine: text("engine"),
    /** The recipe and zoom that the search has chosen, for a later attempt; see training/search/choose.ts. */
    chosen: jsonb("chosen").$type<Record<string, unknown>>(),
    /** The number of the version that it made. */
    resultVersion: integer("result_version"),
    error: jsonb("error").$type<JobError>(),
    leaseHolder: text("lease_holder"),
    /** Where the last training checkpoint lies; null before the first and after the end. */
    checkpointKey: text("checkpoint_key"),
    /** Since when training shall end early and keep its best epoch; setting it in plain SQL stops a fine-tune too. */
    stopRequestedAt: time("stop_requested_at"),
    /** W3C `traceparent` of the request that asked for it, so that one trace goes from the click to the version. */
    traceParent: text("trace_parent"),
    ...jobColumns(),
  },
  (table) => [
    index("fine_tunes_project_idx").on(table.projectId, table.createdAt, table.id),
    index("fine_tunes_workspace_idx").on(table.workspaceId, table.startedAt),
    index("fine_tunes_workspace_open_idx")
      .on(table.workspaceId)
      .where(sql`status in ('queued', 'preparing', 'running', 'evaluating')`),
    index("fine_tunes_open_idx")
      .on(table.createdAt)
      .where(sql`status in ('queued', 'preparing', 'running', 'evaluating')`),
    check("fine_tunes_workspace_check", sql`workspace_id <> ''`),
    check(
      "fine_tunes_status_check",
      sql`status in ('queued', 'preparing', 'running', 'evaluating', 'succeeded', 'failed', 'cancelled')`,
    ),
    check("fine_tunes_cause_check", sql`cause in ('request', 'corrections')`),
    check("fine_tunes_hyperparameters_check", sql`jsonb_typeof(hyperparameters) = 'object'`),
    check("fine_tunes_base_version_check", sql`base_version >= 1`),
    check("fine_tunes_seed_check", sql`seed >= 0`),
    check("fine_tunes_attempt_check", sql`attempt >= 0`),
  ],
);
