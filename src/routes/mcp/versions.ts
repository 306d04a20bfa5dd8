import { z } from "@hono/zod-openapi";
import { promoteVersion, rollBackVersion } from "../../actions/promote.ts";
import { exportFormats } from "../../exports/types.ts";
import { getVersion, listVersions, type Version } from "../../db/queries/versions.ts";
import { decodeCursor, pageBodyBy, pageOf } from "../http/pages.ts";
import { linkSchema, linkToRead, toLink } from "../http/links.ts";
import { versionNumber } from "../http/scope.ts";
import { promotionReason, promotionSchema, toPromotion } from "../wire/promotion.ts";
import { metricsSchema, toVersion, versionSchema } from "../wire/version.ts";
import { exportVariant, withEncoder } from "../wire/version-export.ts";
import { ofProject, pageInput } from "./input.ts";
import { askAsked, projectAsked, reads, toolOf } from "./tool.ts";

/** What a choice between versions goes by; the API's own answer has twenty times as much. */
const briefVersion = versionSchema
  .pick({
    number: true,
    status: true,
    fine_tune_id: true,
    base_model: true,
    parent_version: true,
    created_at: true,
  })
  .extend({
    metrics: metricsSchema
      .pick({ held_out: true, gate: true })
      .nullable()
      .openapi({ description: "null for an uploaded version: nothing was measured." }),
    labels: z
      .array(z.string().nullable())
      .nullable()
      .openapi({ description: "What it finds without drawing; null if it can't find." }),
  });

function toBrief(row: Version, active: number | null): z.output<typeof briefVersion> {
  const of = toVersion(row, active, "brief");
  const { held_out, gate } = of.metrics ?? {};
  return {
    number: of.number,
    status: of.status,
    fine_tune_id: of.fine_tune_id,
    base_model: of.base_model,
    parent_version: of.parent_version,
    created_at: of.created_at,
    metrics: held_out ? { held_out, ...(gate && { gate }) } : null,
    labels: of.finder && of.finder.labels,
  };
}

export const listVersionsTool = toolOf({
  name: "list_versions",
  title: "List versions",
  description:
    "Lists the tuned versions of a project, highest number first, with their scores on held-out images beside the base's, " +
    "and the labels that each can find by name. The base model itself is no version: predict calls it base.",
  route: "GET /v1/projects/{project_id}/versions",
  effect: reads,
  input: ofProject.extend(pageInput),
  output: pageOf(briefVersion),
  work: async (asked, input) => {
    const { scope, project } = await projectAsked(asked, input);
    const below = input.cursor === undefined ? undefined : decodeCursor(versionNumber(), input.cursor);
    const page = await listVersions(asked.services.db, scope, { limit: input.limit, below });
    return {
      answer: pageBodyBy(
        page,
        (row) => toBrief(row, project.activeVersion),
        (last) => last.number,
      ),
    };
  },
});

const versionOrBase = z.union([z.literal("base"), versionNumber()]).openapi({
  description: "A number of list_versions, or base for the untuned model.",
});

export const promoteVersionTool = toolOf({
  name: "promote_version",
  title: "Make a version live",
  description:
    "Makes a version the one that predict answers with for everybody who names none. Recorded with its reason; rollback undoes it.",
  route: "POST /v1/projects/{project_id}/versions/{number}/promote",
  effect: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  input: ofProject.extend({ version: versionOrBase }).extend(promotionReason.shape),
  output: promotionSchema,
  work: async (asked, input) => {
    const { scope, actor } = await askAsked(asked, input);
    const change = {
      kind: "promote" as const,
      toVersion: input.version === "base" ? null : input.version,
      actor,
      reason: input.reason ?? "",
    };
    return { answer: toPromotion(await promoteVersion(asked.services, scope, change)) };
  },
});

export const rollbackTool = toolOf({
  name: "rollback",
  title: "Roll back to the version before",
  description:
    "Makes live again what was live before. Each call goes one further back in the history, down to the base; it never toggles.",
  route: "POST /v1/projects/{project_id}/rollback",
  effect: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
  input: ofProject.extend(promotionReason.shape),
  output: promotionSchema,
  work: async (asked, input) => {
    const { scope, actor } = await askAsked(asked, input);
    const by = { actor, reason: input.reason ?? "" };
    return { answer: toPromotion(await rollBackVersion(asked.services, scope, by)) };
  },
});

export const exportVersionTool = toolOf({
  name: "export_version",
  title: "Export a version",
  description:
    "Tells where to download a version as a file for other programs; the file itself, megabytes, is not in the answer. " +
    "`url` asks for the same key. `weights_link`, for numbered versions, gives the bare safetensors to whoever has it, for " +
    "an hour, without a key. Formats: safetensors and pth for segment-anything in Python, hf for transformers, transformersjs, " +
    "onnx, bundle (all of a version with programs that run it), card (how it was measured, Markdown).",
  route: "GET /v1/projects/{project_id}/versions/{number}/export",
  effect: reads,
  input: ofProject.extend({
    version: versionOrBase,
    format: z.enum(exportFormats).default("safetensors"),
    variant: exportVariant,
    full: z.boolean().default(false).openapi({ description: withEncoder }),
  }),
  output: z.object({
    url: z
      .string()
      .openapi({ description: "Answers GET with the header `Authorization: Bearer` and the key." }),
    weights_link: linkSchema.nullable(),
  }),
  work: async (asked, { version: name, format, variant, full, ...input }) => {
    const { c, services } = asked;
    const { scope, project } = await projectAsked(asked, input);
    const version = name === "base" ? null : await getVersion(services.db, scope, name);
    const query = new URLSearchParams({ format, variant, full: String(full) });
    const path = `/v1/projects/${project.id}/versions/${name}/export?${query.toString()}`;
    const about = { contentType: "application/octet-stream", fileName: `${project.id}-v${name}.safetensors` };
    const link = version && (await linkToRead(c, services, version.weightsKey, about));
    return { answer: { url: new URL(path, c.req.url).href, weights_link: link && toLink(link) } };
  },
});
