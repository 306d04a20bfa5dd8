import { createRoute, z } from "@hono/zod-openapi";
import { getVersion } from "../db/queries/versions.ts";
import { exportApart } from "../exports/apart.ts";
import { type ExportFormat, exportFormats, exportVariants } from "../exports/types.ts";
import { AppError } from "../lib/errors.ts";
import { failures } from "./http/errors.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { projectOf, projectParams, scopeOf, versionInPath } from "./http/scope.ts";
import { sendFile } from "./http/send-file.ts";

const binary = { schema: { type: "string", format: "binary" } } as const;

const exportRoute = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/versions/{number}/export",
  tags: ["versions"],
  summary: "Get a version as a file for other programs; `base` instead of a number is the untuned model",
  description:
    "Each file carries its model card: where the weights come from, how they were measured, licences. " +
    "`safetensors` and `pth`: prompt encoder and mask decoder under Meta's names, for Sam.load_state_dict. " +
    "`onnx`: Meta's decoder signature, the number of points free. " +
    "`hf`: a zip; unpacked, SamModel.from_pretrained loads the folder. " +
    "`transformersjs`: a zip with the image encoder; the same of transformers.js, in Node and browsers. These hold the decoder alone, without the window " +
    "and what refines masks where a version's focus has them, and their cards say how the decoder does by itself. " +
    "`bundle`: a zip with all of the version as ONNX and runners for Python and JavaScript that answer as predict does. " +
    "`card`: the model card alone, Markdown. " +
    "If-None-Match is honoured. docs/exports.md tells how to load each.",
  request: {
    params: projectParams.extend({
      number: z
        .union([z.literal("base"), versionInPath()])
        .openapi({ param: { name: "number", in: "path" }, example: 1 }),
    }),
    query: z.object({
      format: z
        .string()
        .default("safetensors")
        .openapi({ enum: [...exportFormats], description: "What the file is for." }),
      variant: z
        .enum(exportVariants)
        .default("all")
        .openapi({
          description:
            "What an ONNX decoder gives back. all: the mask that predict answers with under Meta's names, the four masks as " +
            "multimask_… and bounds; single, multi: Meta's outputs alone, with and without --return-single-mask; cvat: what " +
            "CVAT's browser plugin reads; served: the mask as predict answers with it, refined by the input `image` where the " +
            "version refines masks; versions with a window have no such file; engine: fixed shapes and the low-res mask alone, for " +
            "TensorRT and its kin. Other formats have no variants.",
        }),
      full: z.stringbool().default(false).openapi({
        type: "boolean",
        description: "With the image encoder: onnx becomes a zip of encoder.onnx and decoder.onnx.",
      }),
    }),
  },
  responses: {
    200: {
      description: "The file; ETag is its SHA-256.",
      content: {
        "application/octet-stream": binary,
        "application/zip": binary,
        "text/markdown": { schema: { type: "string" } },
      },
    },
    304: { description: "Not modified." },
    ...failures(
      "invalid_request",
      "project_not_found",
      "version_not_found",
      "export_format_unsupported",
      "export_full_unavailable",
      "export_served_unavailable",
      "version_damaged",
    ),
  },
});

const isFormat = (name: string): name is ExportFormat => exportFormats.some((format) => format === name);

export function versionExportRoutes({ db, store, inference, memory }: RouteContext) {
  const router = createRouter();

  router.openapi(exportRoute, async (c) => {
    const { number, ...rest } = c.req.valid("param");
    const { format, variant, full } = c.req.valid("query");
    const scope = scopeOf(c, rest);
    const project = projectOf(c, scope);
    const version = number === "base" ? null : await getVersion(db, scope, number);
    if (!isFormat(format)) {
      const message = `format: ${format} is not offered; these are: ${exportFormats.join(", ")}.`;
      throw new AppError("export_format_unsupported", message, { param: "format" });
    }
    const base = await inference.baseModel(version?.baseModel ?? project.baseModel);
    const subject = { projectId: project.id, base, version };
    const options = { format, variant, full };
    return sendFile(c, await exportApart({ store, memory }, subject, options, scope.workspaceId));
  });

  return router;
}
