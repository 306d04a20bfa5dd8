import { bigint, bigserial, date, doublePrecision, pgTable, primaryKey, text } from "../drizzle.ts";
import { workspaces } from "./workspaces.ts";

const counter = (name: string) => bigint(name, { mode: "number" }).notNull().default(0);

const counters = () => ({
  images: counter("images"),
  imageBytes: counter("image_bytes"),
  /** Weights of imported versions. */
  versionBytes: counter("version_bytes"),
  /** Zips of imports that have not ended. */
  importBytes: counter("import_bytes"),
  /** Announced for links whose upload is neither completed nor swept. */
  uploadBytes: counter("upload_bytes"),
  embeddingBytes: counter("embedding_bytes"),
});

/**
 * What each workspace has stored, kept by the triggers of the migration `stored_usage` on the rows that are counted: a
 * quota is asked of one row. Written at the end of a transaction, so that its lock comes after all others.
 */
export const workspaceUsage = pgTable("workspace_usage", {
  workspaceId: text("workspace_id")
    .primaryKey()
    .references(() => workspaces.id, { onDelete: "cascade" }),
  ...counters(),
});

/** What a statement has added to or taken from it; gone when the transaction ends, and seen by nobody else. */
export const workspaceUsageChanges = pgTable("workspace_usage_changes", {
  id: bigserial("id", { mode: "number" }).primaryKey(),
  workspaceId: text("workspace_id").notNull(),
  ...counters(),
});

/** Seconds that a workspace's fine-tunes and previews have run in a calendar month, UTC, whatever became of their projects. */
export const trainingUsage = pgTable(
  "training_usage",
  {
    workspaceId: text("workspace_id")
      .notNull()
      .references(() => workspaces.id, { onDelete: "cascade" }),
    /** Its first day. */
    month: date("month").notNull(),
    seconds: doublePrecision("seconds").notNull().default(0),
  },
  (table) => [primaryKey({ columns: [table.workspaceId, table.month] })],
);
