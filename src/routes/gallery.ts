import { createRoute, z } from "@hono/zod-openapi";
import { maxPageBytes } from "../db/queries/page.ts";
import {
  countGallery,
  countLabels,
  type GalleryFilter,
  listGallery,
  listOverlays,
  sizeOverlays,
} from "../db/queries/gallery.ts";
import type { Image } from "../db/queries/images.ts";
import type { Page } from "../db/queries/page.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { getVersion, type Version } from "../db/queries/versions.ts";
import { failures } from "./http/errors.ts";
import { copiesOfText, pageBody, pageOf, pageQuery, pageRequest } from "./http/pages.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { json, projectOf, projectParams, scopeOf, versionNumber } from "./http/scope.ts";
import { imageSchema, toImage } from "./wire/image.ts";
import { answerLate, type LateValues, textWriter } from "./http/stream-json.ts";

const overlay = z.object({
  id: z.string(),
  label: z.string().nullable(),
  counts: z.string().openapi({ description: "COCO's compressed run-length text, at the image's size." }),
});

const entry = z
  .object({
    object: z.literal("gallery_entry"),
    image: imageSchema,
    annotations: z.array(overlay),
    split: z.enum(["train", "test"]).nullable().openapi({
      description:
        "The image's role for the requested version: test images were not trained on, only measured.",
    }),
    base_iou: z
      .number()
      .nullable()
      .openapi({ description: "Means over the image's annotations; box prompts." }),
    tuned_iou: z.number().nullable(),
  })
  .openapi("GalleryEntry");

type Entry = z.output<typeof entry>;

const filters = ["all", "unlabelled", "empty", "asked", "labelled", "train", "test", "worst"] as const;

const listQuery = pageQuery.extend({
  filter: z.enum(filters).default("all"),
  version: z.coerce.number().pipe(versionNumber()).optional(),
});

const list = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/gallery",
  tags: ["images"],
  summary: "List images with their masks and, for a version, their side of its split and their scores",
  description:
    "Newest first; `empty` lists images that are known to hold no object, which `unlabelled` leaves out; `asked` those of which a fine-tune asks whether all is annotated (`complete_asked`); `worst` lists the version's test images from lowest to highest IoU, all on one page. train, test and worst require `version`.",
  request: {
    params: projectParams,
    query: listQuery,
  },
  responses: {
    200: json(pageOf(entry), "One page."),
    ...failures("invalid_request", "project_not_found", "version_not_found"),
  },
});

const overviewSchema = z
  .object({
    object: z.literal("project_overview"),
    images: z.int(),
    labelled_images: z.int(),
    empty_images: z.int().openapi({
      description: "Images known to contain no object. Fine-tunes learn from objects and do not use them.",
    }),
    asked_images: z.int().openapi({
      description: "Images of which a fine-tune asks whether all objects on them are annotated.",
    }),
    annotations: z.int(),
    labels: z.array(z.object({ label: z.string(), annotations: z.int() })),
    cover_image_id: z.string().nullable(),
    live: z
      .object({ version: z.int(), base_iou: z.number().nullable(), tuned_iou: z.number().nullable() })
      .nullable()
      .openapi({
        description: "Mean IoU on its held-out images, if measured; null when the base is live.",
      }),
  })
  .openapi("ProjectOverview");

const overview = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/overview",
  tags: ["projects"],
  summary: "Get a project's counts and what its live version gains",
  request: { params: projectParams },
  responses: {
    200: json(overviewSchema, "The counts."),
    ...failures("project_not_found"),
  },
});

/** The rows of a page whose masks fit into one, at least one; all of them where there is no next page. */
async function fitting(
  db: RouteContext["db"],
  scope: ProjectScope,
  { rows, hasMore }: Page<Image>,
  all: boolean,
): Promise<{ page: Page<Image>; bytes: number }> {
  const sizes = await sizeOverlays(
    db,
    scope,
    rows.map(({ id }) => id),
  );
  let bytes = 0;
  let count = 0;
  for (const { id } of rows) {
    const own = sizes.get(id) ?? 0;
    if (!all && count > 0 && bytes + own > maxPageBytes) break;
    bytes += own;
    count++;
  }
  return { page: { rows: rows.slice(0, count), hasMore: hasMore || count < rows.length }, bytes };
}

/** The masks on the images of a page, as they are written. */
async function overlaysOf(
  db: RouteContext["db"],
  scope: ProjectScope,
  { rows }: Page<Image>,
  late: LateValues,
): Promise<(row: Image) => Entry["annotations"]> {
  const all = await listOverlays(
    db,
    scope,
    rows.map(({ id }) => id),
  );
  const byImage = Map.groupBy(all, ({ imageId }) => imageId);
  const written = textWriter(
    all.map(({ counts }) => counts),
    late,
  );
  return (row) =>
    (byImage.get(row.id) ?? []).map(({ id, label, counts }) => ({ id, label, counts: written(counts) }));
}

interface Scores {
  readonly base: number;
  readonly tuned: number;
}

/** The images of one page, and how the version that was asked for did on them. */
async function foundPage(db: RouteContext["db"], scope: ProjectScope, query: z.output<typeof listQuery>) {
  const version = query.version === undefined ? null : await getVersion(db, scope, query.version);
  const scores = version ? scoresOf(version) : new Map<string, Scores>();
  const tested = [...scores.keys()];
  const isWorst = query.filter === "worst";
  const wanted = isWorst ? { limit: Math.max(1, tested.length) } : pageRequest(query);
  const rows = await listGallery(db, scope, chosenBy(query.filter, tested), wanted);
  return { ...(await fitting(db, scope, rows, isWorst)), version, scores, isWorst };
}

async function writtenPage(
  db: RouteContext["db"],
  scope: ProjectScope,
  { page, version, scores, isWorst }: Awaited<ReturnType<typeof foundPage>>,
  late: LateValues,
) {
  const annotationsOf = await overlaysOf(db, scope, page, late);
  const body = pageBody(page, (row) =>
    toEntry(row, annotationsOf(row), { version, score: scores.get(row.id) ?? null }),
  );
  if (isWorst) body.data.sort((a, b) => (a.tuned_iou ?? 0) - (b.tuned_iou ?? 0));
  return body;
}

export function galleryRoutes({ db, memory }: RouteContext) {
  const router = createRouter();

  router.openapi(list, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    projectOf(c, scope);
    const found = await foundPage(db, scope, c.req.valid("query"));
    const ask = { by: scope.workspaceId, what: "This page", hint: "Get fewer images at a time." };
    const held = await memory.reserve(copiesOfText * found.bytes, ask);
    return answerLate(c, 200, held, { write: (late) => writtenPage(db, scope, found, late) });
  });

  router.openapi(overview, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const { activeVersion } = projectOf(c, scope);
    const { images, labelled, empty, asked, annotations, cover } = await countGallery(db, scope);
    const body: z.output<typeof overviewSchema> = {
      object: "project_overview",
      images,
      labelled_images: labelled,
      empty_images: empty,
      asked_images: asked,
      annotations,
      labels: await countLabels(db, scope),
      cover_image_id: cover,
      live: activeVersion === null ? null : toLive(await getVersion(db, scope, activeVersion)),
    };
    return c.json(body, 200);
  });

  return router;
}

/** What a filter leaves in; `tested` are the images that judged the version. */
const chosenBy = (filter: (typeof filters)[number], tested: string[]): GalleryFilter => ({
  ...(filter === "unlabelled" && { labelled: false, knownEmpty: false }),
  ...(filter === "empty" && { labelled: false, knownEmpty: true }),
  ...(filter === "asked" && { asked: true }),
  ...((filter === "labelled" || filter === "train") && { labelled: true }),
  ...((filter === "test" || filter === "worst") && { only: tested }),
  ...(filter === "train" && { except: tested }),
});

function toEntry(
  row: Image,
  annotations: Entry["annotations"],
  { version, score }: { version: Version | null; score: Scores | null },
): Entry {
  const trained = version !== null && annotations.length > 0 && row.createdAt < version.createdAt;
  return {
    object: "gallery_entry",
    image: toImage(row),
    annotations,
    split: score ? "test" : trained ? "train" : null,
    base_iou: score?.base ?? null,
    tuned_iou: score?.tuned ?? null,
  };
}

const toLive = ({ number, metrics }: Version): z.output<typeof overviewSchema>["live"] => ({
  version: number,
  base_iou: metrics?.heldOut.base.meanIou ?? null,
  tuned_iou: metrics?.heldOut.tuned.meanIou ?? null,
});

/** The means over its annotations of each held-out image of a version. */
function scoresOf({ metrics }: Version): Map<string, Scores> {
  const byImage = Map.groupBy(metrics?.perAnnotation ?? [], (row) => row.imageId);
  return new Map(
    [...byImage].map(([id, rows]) => [
      id,
      {
        base: rows.reduce((sum, row) => sum + row.baseIou, 0) / rows.length,
        tuned: rows.reduce((sum, row) => sum + row.tunedIou, 0) / rows.length,
      },
    ]),
  );
}
