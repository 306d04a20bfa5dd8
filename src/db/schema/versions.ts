import { bigint, check, integer, jsonb, pgTable, sql, text, uniqueIndex } from "../drizzle.ts";
import type { Finder } from "../../domain/finder.ts";
import { type Focus, plainFocus } from "../../domain/focus.ts";
import type { ImportedFile, Refit, VersionMetrics } from "../../domain/version.ts";
import type { SignatureBundle } from "../../lib/model-signature.ts";
import { createdAt } from "./common.ts";
import { fineTunes } from "./fine-tunes.ts";
import { projects } from "./projects.ts";

/** What an imported version lacks. */
export type OfTraining = "fineTuneId" | "snapshotHash" | "snapshotKey" | "seed" | "engine" | "metrics";

/** A decoder that a fine-tune made or somebody imported: immutable once registered. */
export const versions = pgTable(
  "versions",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    projectId: text("project_id")
      .notNull()
      .references(() => projects.id, { onDelete: "cascade" }),
    /** 1, 2, 3 ... within the project. */
    number: integer("number").notNull(),
    /** Null is an imported version: it has no data, no metrics and no training of ours. */
    fineTuneId: text("fine_tune_id").references(() => fineTunes.id, { onDelete: "cascade" }),
    imported: jsonb("imported").$type<ImportedFile>(),
    baseModel: text("base_model").notNull(),
    /** The version that training started from; null is the base. */
    parentVersion: integer("parent_version"),
    weightsKey: text("weights_key").notNull(),
    weightsSha256: text("weights_sha256").notNull(),
    weightsBytes: bigint("weights_bytes", { mode: "number" }).notNull(),
    /** How it looks at images: which part is encoded for a prompt, and how its masks are sharpened. */
    focus: jsonb("focus").$type<Focus>().notNull().default(plainFocus),
    /** What finds its objects without prompts; null is a version that can't. */
    finder: jsonb("finder").$type<Finder>(),
    /** The training on all images that came after what is in `metrics`; null is a version that is served as it was judged. */
    refit: jsonb("refit").$type<Refit>(),
    snapshotHash: text("snapshot_hash"),
    snapshotKey: text("snapshot_key"),
    /** As used: no "auto" is left. */
    hyperparameters: jsonb("hyperparameters").$type<Record<string, unknown>>().notNull(),
    seed: integer("seed"),
    engine: text("engine"),
    metrics: jsonb("metrics").$type<VersionMetrics>(),
    /** The installation's, over the weights as they were registered; null is a version from before there was one. */
    signature: jsonb("signature").$type<SignatureBundle>(),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex("versions_project_number_key").on(table.projectId, table.number),
    // One fine-tune can make one version, whatever becomes of its trainers.
    uniqueIndex("versions_fine_tune_key").on(table.fineTuneId),
    check("versions_number_check", sql`number >= 1`),
    check(
      "versions_origin_check",
      sql`case when imported is null
        then num_nulls(fine_tune_id, snapshot_hash, snapshot_key, seed, engine, metrics) = 0
        else num_nonnulls(fine_tune_id, snapshot_hash, snapshot_key, seed, engine, metrics) = 0 end`,
    ),
    check("versions_weights_check", sql`weights_sha256 ~ '^[0-9a-f]{64}$' and weights_bytes > 0`),
  ],
);
