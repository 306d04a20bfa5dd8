import { z } from "@hono/zod-openapi";
import { listProjects } from "../../db/queries/projects.ts";
import { pageBody, pageOf, pageRequest } from "../http/pages.ts";
import { projectSchema, toProject } from "../wire/project.ts";
import { pageInput } from "./input.ts";
import { reads, toolOf } from "./tool.ts";

export const listProjectsTool = toolOf({
  name: "list_projects",
  title: "List projects",
  description:
    "Lists the projects that this key can see, newest first. Every other tool asks for one of their ids. `active_version` is " +
    "the version that predict answers with; null is the untuned base model.",
  route: "GET /v1/projects",
  effect: reads,
  input: z.strictObject(pageInput),
  output: pageOf(projectSchema),
  work: async ({ c, services }, input) => {
    const page = await listProjects(services.db, c.get("caller").workspaceId, pageRequest(input));
    return { answer: pageBody(page, toProject) };
  },
});
