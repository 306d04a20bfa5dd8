import { z } from "@hono/zod-openapi";
import { idText } from "../http/scope.ts";

export const projectId = idText().openapi({
  description: "The project, as list_projects names it.",
  example: "prj_06b3f0cd7k…",
});

/** What a tool of one project takes, beside what its own fields are. */
export const ofProject = z.strictObject({ project_id: projectId });

/** Characters of an image in base64, so that it fits into a message with what stands beside it. */
export const mostBase64 = 4_000_000;

/** One page of a list; what `pageRequest` reads. */
export const pageInput = {
  limit: z.int().min(1).max(100).default(20).openapi({ description: "Rows of a page." }),
  cursor: z
    .string()
    .max(1000)
    .optional()
    .openapi({ description: "`next_cursor` of the page before; left out for the first one." }),
};
