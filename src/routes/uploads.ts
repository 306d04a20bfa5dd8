import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRoute, z } from "@hono/zod-openapi";
import { insertImport } from "../db/queries/imports.ts";
import { holdProject } from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import {
  completeUpload,
  deleteStaleUploads,
  getUpload,
  insertUpload,
  type Upload,
} from "../db/queries/uploads.ts";
import { requireRoom } from "../db/queries/usage.ts";
import { AppError } from "../lib/errors.ts";
import { newId } from "../lib/ids.ts";
import { keys } from "../storage/keys.ts";
import { failures } from "./http/errors.ts";
import { idempotencyErrors, idempotencyHeader, idempotent } from "./http/idempotency.ts";
import { importQuery, optionsOf } from "./wire/import.ts";
import { quotasOf } from "../actions/quotas.ts";
import { linkSchema, linkSeconds, linkToWrite, toLink } from "./http/links.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import {
  iso,
  isoOrNull,
  json,
  jsonBody,
  projectParams,
  scopeOf,
  text,
  timeText,
  uploadParams,
  projectOf,
} from "./http/scope.ts";
import { imageErrors } from "./wire/image.ts";
import { storeImage } from "../actions/store-image.ts";
import { cleanName, limitBody } from "./http/upload.ts";

const uploadSchema = z
  .object({
    id: z.string(),
    object: z.literal("upload"),
    purpose: z.enum(["image", "import"]),
    status: z.enum(["pending", "completed"]),
    bytes: z.int(),
    sha256: z.string(),
    file_name: z.string().nullable(),
    image_id: z.string().nullable().openapi({ description: "What it became, once completed." }),
    import_id: z.string().nullable(),
    created_at: timeText,
    expires_at: timeText,
    completed_at: timeText.nullable(),
  })
  .openapi("Upload");

const toUpload = (row: Upload): z.output<typeof uploadSchema> => ({
  id: row.id,
  object: "upload",
  purpose: row.purpose,
  status: row.completedAt === null ? "pending" : "completed",
  bytes: row.bytes,
  sha256: row.sha256,
  file_name: row.fileName,
  image_id: row.imageId,
  import_id: row.importId,
  created_at: iso(row.createdAt),
  expires_at: iso(row.expiresAt),
  completed_at: isoOrNull(row.completedAt),
});

const tags = ["links"];

const create = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/uploads",
  tags,
  summary: "Announce a file, and get a link to send it by, straight to the object store",
  description:
    "Send the file as the body of a request with the link's method, url and headers, then complete the upload. The link lasts for an hour and takes just the bytes that were announced; they count towards the quota from now on, until the upload is completed or its time is over.",
  middleware: [limitBody(16 * 1024)] as const,
  request: {
    params: projectParams,
    headers: idempotencyHeader,
    body: jsonBody(
      z.strictObject({
        purpose: z.enum(["image", "import"]),
        bytes: z.int().min(1),
        sha256: z.string().regex(/^[0-9a-f]{64}$/, "64 lower-case hex digits"),
        file_name: text(255).optional(),
        group: text(200).optional().openapi({ description: "Of an image: its split group." }),
      }),
    ),
  },
  responses: {
    201: json(uploadSchema.extend({ link: linkSchema }).openapi("NewUpload"), "The upload and its link."),
    ...failures(
      "invalid_json",
      "invalid_request",
      "unsupported_media_type",
      "body_too_large",
      "import_too_large",
      "project_not_found",
      "quota_exceeded",
      ...idempotencyErrors,
    ),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/uploads/{upload_id}",
  tags,
  summary: "Get an upload and what it became",
  request: { params: uploadParams },
  responses: {
    200: json(uploadSchema, "The upload."),
    ...failures("invalid_request", "upload_not_found"),
  },
});

const complete = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/uploads/{upload_id}/complete",
  tags,
  summary: "Make the file that was sent an image or an import; again is no error",
  description: "The query is that of an import, and says nothing of an image.",
  request: { params: uploadParams, query: importQuery },
  responses: {
    200: json(uploadSchema, "What it became stands in image_id or import_id."),
    ...failures(
      "invalid_request",
      "upload_not_found",
      "upload_incomplete",
      "upload_mismatch",
      "too_many_images",
      "quota_exceeded",
      ...imageErrors,
    ),
  },
});

export function uploadRoutes(services: RouteContext) {
  const { db, store, inference, config } = services;
  const router = createRouter();

  router.openapi(create, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const body = c.req.valid("json");
    checkSize(body, config);
    projectOf(c, scope);
    const answer = await idempotent(c, db, body, async () => {
      for (const key of await deleteStaleUploads(db, scope.workspaceId)) await store.delete(key);
      const id = newId("upl");
      const row = await db.transaction(async (tx) => {
        const inserted = await insertUpload(tx, {
          ...scope,
          id,
          purpose: body.purpose,
          objectKey: keys.upload(scope.projectId, id),
          bytes: body.bytes,
          sha256: body.sha256,
          fileName: cleanName(body.file_name),
          splitGroup: body.group ?? null,
          seconds: linkSeconds,
        });
        // What the link may bring is reserved, whether it comes or not.
        await requireRoom(tx, scope.workspaceId, quotasOf(config), roomFor[body.purpose]);
        return inserted;
      });
      await inference.makeRoom(scope.workspaceId);
      return { status: 201 as const, body: toUpload(row) };
    });
    // Made anew for a replay: a link is a secret, which is not kept.
    const contentType = body.purpose === "import" ? "application/zip" : "application/octet-stream";
    const objectKey = keys.upload(scope.projectId, answer.body.id);
    const link = await linkToWrite(c, services, objectKey, {
      contentType,
      bytes: body.bytes,
      sha256: body.sha256,
    });
    return c.json({ ...answer.body, link: toLink(link) }, answer.status);
  });

  router.openapi(get, async (c) => {
    const params = c.req.valid("param");
    return c.json(toUpload(await getUpload(db, scopeOf(c, params), params.upload_id)), 200);
  });

  router.openapi(complete, async (c) => {
    const params = c.req.valid("param");
    const scope = scopeOf(c, params);
    const upload = await getUpload(db, scope, params.upload_id);
    if (upload.completedAt !== null) return c.json(toUpload(upload), 200);
    await checkArrived(services, upload);
    if (upload.purpose === "image") await becomeImage(services, scope, upload);
    else await becomeImport(services, scope, upload, c.req.valid("query"));
    return c.json(toUpload(await getUpload(db, scope, upload.id)), 200);
  });

  return router;
}

/** How many images an import brings is known once it is read. */
const roomFor = {
  image: { more: { images: 1 } },
  import: { of: ["bytes"] },
} as const;

/** Throws AppError body_too_large, import_too_large: what could never be stored is not asked for. */
function checkSize(
  { purpose, bytes }: { purpose: "image" | "import"; bytes: number },
  config: RouteContext["config"],
): void {
  const limit = purpose === "image" ? config.MAX_BODY_BYTES : config.MAX_IMPORT_BYTES;
  if (bytes <= limit) return;
  const code = purpose === "image" ? "body_too_large" : "import_too_large";
  throw new AppError(code, `bytes: ${bytes}; at most ${limit} are allowed for an ${purpose}.`, {
    param: "bytes",
  });
}

/** Throws AppError upload_incomplete, upload_mismatch. */
async function checkArrived({ store }: RouteContext, upload: Upload): Promise<void> {
  const object = await store.stat(upload.objectKey);
  if (object === null) {
    throw new AppError("upload_incomplete", "Nothing has arrived by this upload's link yet.");
  }
  if (object.bytes !== upload.bytes || object.sha256 !== upload.sha256) throw await refuse(store, upload);
}

/** What arrived is not what was announced: it goes, so that the link is free for another try. */
async function refuse(store: RouteContext["store"], upload: Upload): Promise<AppError> {
  await store.delete(upload.objectKey);
  return new AppError(
    "upload_mismatch",
    `What has arrived is not the ${upload.bytes} bytes of SHA-256 ${upload.sha256} that were announced; send it again.`,
  );
}

async function becomeImage(services: RouteContext, scope: ProjectScope, upload: Upload): Promise<void> {
  const { store } = services;
  const folder = await mkdtemp(join(tmpdir(), "maskwright-upload-"));
  try {
    const path = join(folder, "image");
    await store.getFile(upload.objectKey, path).catch(async (error: unknown) => {
      // The client may have named one hash and sent bytes of another to a store that doesn't look.
      const corrupted = error instanceof AppError && error.code === "object_corrupted";
      throw corrupted ? await refuse(store, upload) : error;
    });
    const { bytes, sha256, fileName, splitGroup } = upload;
    await storeImage(services, scope, { path, bytes, sha256, fileName, splitGroup }, upload);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  await store.delete(upload.objectKey);
}

/** The zip stays where it is: the worker reads it there, checks it and removes it. */
async function becomeImport(
  { db }: RouteContext,
  scope: ProjectScope,
  upload: Upload,
  query: z.output<typeof importQuery>,
): Promise<void> {
  const { objectKey, bytes, fileName } = upload;
  const importId = newId("imp");
  await db.transaction(async (tx) => {
    await holdProject(tx, scope);
    // Of two who complete it at once, the second waits here and then adds nothing.
    if (await completeUpload(tx, scope, upload.id, { importId }))
      await insertImport(tx, {
        ...scope,
        id: importId,
        objectKey,
        bytes,
        fileName,
        options: optionsOf(query),
        dryRun: query.dry_run === true,
      });
  });
}
