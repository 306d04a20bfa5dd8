import { createRoute, z } from "@hono/zod-openapi";
import { cocoBytes, exportCoco } from "../exports/coco.ts";
import { failures } from "./http/errors.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { json, projectOf, projectParams, scopeOf } from "./http/scope.ts";
import { sendFile } from "./http/send-file.ts";

const number = z.int().min(1);

/** COCO's file as it is sent. It is made row by row; the tests hold it against this. */
const cocoSchema = z
  .object({
    info: z.object({ description: z.string() }),
    licenses: z.array(z.unknown()).max(0),
    categories: z.array(
      z.object({
        id: number,
        name: z.string(),
        unlabelled: z
          .literal(true)
          .optional()
          .openapi({ description: "Not COCO's: stands for annotations without a label." }),
      }),
    ),
    images: z.array(
      z.object({
        id: number,
        file_name: z
          .string()
          .openapi({ description: "As uploaded or imported; the id where two images have one name." }),
        width: number,
        height: number,
        group: z.string().nullable().openapi({ description: "Not COCO's: the image's split group." }),
        sha256: z.string(),
        maskwright_id: z.string(),
      }),
    ),
    annotations: z.array(
      z.object({
        id: number,
        image_id: number,
        category_id: number,
        segmentation: z.object({ size: z.tuple([number, number]), counts: z.string() }),
        bbox: z
          .tuple([z.number(), z.number(), z.number(), z.number()])
          .openapi({ description: "[x, y, width, height] in pixels." }),
        box: z
          .tuple([z.number(), z.number(), z.number(), z.number()])
          .openapi({ description: "Not COCO's: [x0, y0, x1, y1], the box to the last bit." }),
        area: number,
        iscrowd: z.literal(0),
        maskwright_id: z.string(),
      }),
    ),
  })
  .openapi("CocoDataset");

const exportRoute = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/annotations/export",
  tags: ["annotations"],
  summary: "Get all annotations of a project as a COCO file",
  description:
    "Compressed RLE, which pycocotools decodes as it is; a category for each label; images without annotations, too. " +
    "Zipped as `annotations.json` with the images it imports again as the same annotations and split groups. " +
    "ETag is the file's SHA-256; If-None-Match is honoured.",
  request: {
    params: projectParams,
    query: z.object({ format: z.enum(["coco"]).default("coco") }),
  },
  responses: {
    200: json(cocoSchema, "The file, all of one moment."),
    304: { description: "The caller has it." },
    ...failures("invalid_request", "project_not_found"),
  },
});

export function annotationExportRoutes({ db, memory }: RouteContext) {
  const router = createRouter();

  router.openapi(exportRoute, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    projectOf(c, scope);
    const ask = { by: scope.workspaceId, what: "This export", waitMs: 60_000 };
    return memory.hold(Math.min(cocoBytes, memory.most), ask, async () =>
      sendFile(c, await exportCoco(db, scope)),
    );
  });

  return router;
}
