import { createRoute, z } from "@hono/zod-openapi";
import { exportAnnotations } from "../exports/annotations/index.ts";
import { annotationFormats, annotationShapes, shapesOf } from "../exports/annotations/types.ts";
import { failures } from "./http/errors.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { projectOf, projectParams, scopeOf } from "./http/scope.ts";
import { sendFile } from "./http/send-file.ts";

const number = z.int().min(1);
const partSchema = z.enum(["train", "val", "test"]);

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
          .openapi({ description: "Not part of COCO: marks the category of annotations without a label." }),
      }),
    ),
    images: z.array(
      z.object({
        id: number,
        file_name: z
          .string()
          .openapi({ description: "As uploaded or imported; the image's id where two images share a name." }),
        width: number,
        height: number,
        group: z.string().nullable().openapi({ description: "Not part of COCO: the image's split group." }),
        part: partSchema.nullable().openapi({
          description:
            "Not part of COCO: the part of the data set (train, val or test) that the image came with.",
        }),
        known_empty: z
          .boolean()
          .openapi({ description: "Not part of COCO: whether the image is known to contain no object." }),
        sha256: z.string(),
        maskwright_id: z.string(),
      }),
    ),
    annotations: z.array(
      z.object({
        id: number,
        image_id: number,
        category_id: number,
        segmentation: z.union([
          z.object({ size: z.tuple([number, number]), counts: z.string() }),
          z.array(z.array(z.number())),
        ]),
        bbox: z
          .tuple([z.number(), z.number(), z.number(), z.number()])
          .openapi({ description: "[x, y, width, height] in pixels." }),
        box: z
          .tuple([z.number(), z.number(), z.number(), z.number()])
          .openapi({ description: "Not part of COCO: [x0, y0, x1, y1], the exact box." }),
        area: number,
        iscrowd: z.literal(0),
        maskwright_id: z.string(),
      }),
    ),
    told: z
      .array(z.object({ code: z.string(), count: number, message: z.string() }))
      .openapi({ description: "Not part of COCO: what could not be exported as requested." }),
  })
  .openapi("CocoDataset");

const exportRoute = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/annotations/export",
  tags: ["annotations"],
  summary: "Get all annotations of a project in the format of another tool",
  description:
    "`coco`: one JSON file, images without annotations too. The others are zips: `yolo` (a text file an image, " +
    "data.yaml), `label_studio` (tasks.json with brush regions or polygons, config.xml), `cvat` (CVAT for images 1.1), " +
    "`voc` (maps of objects and of classes), `labelme` (a JSON file an image). `maskwright.json` in them counts what the " +
    "format can't carry. Zipped with the images, each imports again as the same masks. " +
    "ETag is the file's SHA-256; If-None-Match is honoured. See docs/exports.md.",
  request: {
    params: projectParams,
    query: z.object({
      format: z.enum(annotationFormats).default("coco"),
      shapes: z
        .enum(annotationShapes)
        .optional()
        .openapi({
          description:
            "masks: run lengths, brushes or pictures; polygons: outlines along pixel edges, which decode to the very mask. " +
            "Left out: masks where the format has them, but polygons for labelme. yolo has polygons alone, voc masks.",
        }),
      polygon_tolerance: z.coerce.number().min(0).max(10).default(0).openapi({
        description:
          "Pixels that corners of polygons may lie off the mask's edge: fewer corners, as few as leave an IoU of .99.",
      }),
    }),
  },
  responses: {
    200: {
      description: "The file, a consistent snapshot.",
      content: {
        "application/json": { schema: cocoSchema },
        "application/zip": { schema: { type: "string", format: "binary" } },
      },
    },
    304: { description: "Not modified." },
    ...failures("invalid_request", "project_not_found"),
  },
});

export function annotationExportRoutes({ db, memory }: RouteContext) {
  const router = createRouter();

  router.openapi(exportRoute, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    projectOf(c, scope);
    const { format, shapes, polygon_tolerance: tolerance } = c.req.valid("query");
    const options = { format, shapes: shapes ?? shapesOf[format][0], tolerance };
    return sendFile(c, await exportAnnotations({ db, memory }, scope, options));
  });

  return router;
}
