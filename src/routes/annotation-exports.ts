import type { Readable } from "node:stream";
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { exportResults, mostOfImage, mostResultImages, resultSides } from "../actions/export-results.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { exportAnnotations } from "../exports/annotations/index.ts";
import {
  type AnnotationFormat,
  annotationFormats,
  type AnnotationShapes,
  annotationShapes,
  shapesOf,
} from "../exports/annotations/types.ts";
import { AppError } from "../lib/errors.ts";
import { requireScope } from "./http/auth.ts";
import { failures } from "./http/errors.ts";
import { createRouter } from "./http/router.ts";
import type { Env, RouteContext } from "./http/env.ts";
import { askOf, projectOf, projectParams, scopeOf, versionNumber } from "./http/scope.ts";
import { sendFile, webStream } from "./http/send-file.ts";

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

/** A row of COCO's results. */
const resultsSchema = z
  .array(
    z.object({
      image_id: number.openapi({ description: "As in the `coco` file of the same project." }),
      category_id: number.openapi({
        description:
          "As in the `coco` file of the same project; labels of the version that no annotation has come after those.",
      }),
      segmentation: z.object({ size: z.tuple([number, number]), counts: z.string() }),
      bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]).openapi({
        description: "[x, y, width, height] in pixels. pycocotools then takes its area for the object's.",
      }),
      score: z.number().openapi({ description: "The label score, from 0 to 1." }),
      label: z.string().nullable().openapi({ description: "Not part of COCO." }),
      iou_prediction: z.number().openapi({ description: "Not part of COCO: the decoder's own score." }),
    }),
  )
  .openapi("CocoResults");

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
    "ETag is the file's SHA-256; If-None-Match is honoured. See docs/exports.md. " +
    "`source=version`: a COCO results file of what a version finds by itself, which COCOeval reads beside `coco`. It is made " +
    `while it is sent, an image at a time, ${mostResultImages} images and ${mostOfImage} finds an image at most, and has no ETag; ` +
    "a file that breaks off is no JSON. It needs a key with the scope predict.",
  request: {
    params: projectParams,
    query: z.object({
      source: z.enum(["annotations", "version"]).default("annotations").openapi({
        description: "Whose masks: those of the project's annotations, or what a version finds by itself.",
      }),
      version: z.coerce.number().pipe(versionNumber()).optional().openapi({
        description: "With source=version: which one; left out, the live one.",
      }),
      images: z.enum(resultSides).default("all").openapi({
        description:
          "With source=version: all images, those with annotations, or `test`: those that judged the version and taught nothing. What it finds on images that taught it flatters it.",
      }),
      threshold: z.coerce.number().min(0).max(1).default(0.05).openapi({
        description:
          "With source=version: the label score from which finds are told. Average precision wants faint ones, too.",
      }),
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
        "application/json": { schema: z.union([cocoSchema, resultsSchema]) },
        "application/zip": { schema: { type: "string", format: "binary" } },
      },
    },
    304: { description: "Not modified." },
    ...failures(
      "invalid_request",
      "project_not_found",
      "version_not_found",
      "finder_missing",
      "export_too_many_images",
      "scope_missing",
      "image_damaged",
      "image_unreadable",
      "answer_too_large",
    ),
  },
});

export function annotationExportRoutes(services: RouteContext) {
  const { db, memory } = services;
  const router = createRouter();

  router.openapi(exportRoute, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    projectOf(c, scope);
    const { format, shapes, polygon_tolerance: tolerance, source, ...asked } = c.req.valid("query");
    requireNoneOf(c, source);
    if (source === "version") {
      requireScope(c.get("caller"), "predict");
      requireResultsFormat(format, shapes);
      const { version = null, images, threshold } = asked;
      const ask = askOf(c, c.req.valid("param"));
      return sendResults(c, scope, await exportResults(services, ask, { version, images, threshold }));
    }
    const options = { format, shapes: shapes ?? shapesOf[format][0], tolerance };
    return sendFile(c, await exportAnnotations({ db, memory }, scope, options));
  });

  return router;
}

/** Parameters that only the other source goes by. */
const othersOf = {
  annotations: ["version", "images", "threshold"],
  version: ["polygon_tolerance"],
} as const;

/** Throws AppError invalid_request where the query names one of the other source's. */
function requireNoneOf(c: Context<Env>, source: keyof typeof othersOf): void {
  for (const param of othersOf[source])
    if (c.req.query(param) !== undefined)
      throw new AppError("invalid_request", `${param}: not with source=${source}.`, { param });
}

/** Throws AppError invalid_request where the format can't say how sure a version is of what it finds. */
function requireResultsFormat(format: AnnotationFormat, shapes: AnnotationShapes | undefined): void {
  if (format === "coco" && shapes !== "polygons") return;
  throw new AppError("invalid_request", "format: what a version finds goes out as coco with masks.", {
    param: "format",
  });
}

function sendResults(c: Context<Env>, { projectId }: ProjectScope, results: Readable): Response {
  c.header("Cache-Control", "no-store");
  c.header("Content-Type", "application/json");
  c.header("Content-Disposition", `attachment; filename="${projectId}-results.json"`);
  c.header("X-Content-Type-Options", "nosniff");
  if (c.req.method !== "HEAD") return c.body(webStream(results));
  results.destroy();
  return c.body(null);
}
