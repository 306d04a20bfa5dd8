import { index, integer, jsonb, pgTable, sql, text } from "../drizzle.ts";
import type { LoggedPrompt } from "../../domain/prompts.ts";
import { createdAt } from "./common.ts";
import { projects } from "./projects.ts";

/** What was asked beside the image and the versions: enough to decode the very same masks again. */
export interface LoggedRequest {
  prompts?: LoggedPrompt[];
  /** True: three masks a prompt, best first; "best": the best of the three; false: the one mask of token 0. */
  multimask?: boolean | "best";
  format?: string;
  /** The settings of segment-everything, which has no prompts of its own. */
  everything?: object;
  /**
   * The masks that it answered with, in their order, through all versions: each by its version and by where it comes from,
   * the places of crop and point in the plan and which of the point's masks; see inference/everything/types.ts, FoundAt.
   */
  found?: (readonly [version: number, crop: number, point: number, token: number])[];
}

/** A log of what was asked, how large it was and how long it took; no image and no answered mask is kept here. */
export const predictions = pgTable(
  "predictions",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    projectId: text("project_id")
      .notNull()
      .references(() => projects.id, { onDelete: "cascade" }),
    imageSha256: text("image_sha256").notNull(),
    /** Size of the image, pixels; older rows have none. */
    width: integer("width"),
    height: integer("height"),
    /** Numbers; 0 is the base. */
    versions: jsonb("versions").$type<number[]>().notNull(),
    prompts: integer("prompts").notNull(),
    request: jsonb("request")
      .$type<LoggedRequest>()
      .notNull()
      .default(sql`'{}'`),
    /** Masks in the answer. */
    masks: integer("masks"),
    requestBytes: integer("request_bytes"),
    answerBytes: integer("answer_bytes"),
    /** Where the embedding came from: memory, store or encoder. */
    embeddingFrom: text("embedding_from"),
    timingMs: jsonb("timing_ms").$type<Record<string, number>>().notNull(),
    /** The key that asked. */
    actor: text("actor"),
    createdAt: createdAt(),
  },
  (table) => [
    index("predictions_project_idx").on(table.projectId, table.createdAt, table.id),
    index("predictions_image_idx").on(table.workspaceId, table.imageSha256),
  ],
);
