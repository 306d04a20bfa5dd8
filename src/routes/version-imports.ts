import { createRoute, z } from "@hono/zod-openapi";
import { importVersion } from "../actions/import-version.ts";
import { signatureCheck, signatureHeader } from "../actions/require-signature.ts";
import { AppError } from "../lib/errors.ts";
import { failures } from "./http/errors.ts";
import { idempotencyErrors, idempotencyHeader, idempotent } from "./http/idempotency.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { askOf, json, projectParams } from "./http/scope.ts";
import { withFileUpload } from "./http/upload.ts";
import { toVersion, versionSchema } from "./wire/version.ts";

const binary = { schema: { type: "string", format: "binary" } } as const;

const importRoute = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/versions",
  tags: ["versions"],
  summary: "Upload a decoder as a version that fine-tunes can start from",
  description:
    "safetensors, PyTorch (.pth) or ONNX, as the export writes them or as Meta's and Hugging Face's programs do, or a zip " +
    "of a folder with such; told by content. Every name, shape and value is checked first, and no code of the file runs. The version is not live, and " +
    "has no metrics. Its weights count towards the workspace's quota of bytes. The multipart field `file`, or the file as the body.",
  request: {
    params: projectParams,
    headers: idempotencyHeader.extend({
      [signatureHeader]: z.string().optional().openapi({
        description:
          "FILE.sig in base64, as GET …/export/signature gives it; checked where it is sent, and needed where IMPORT_TRUSTED_KEYS is set.",
      }),
    }),
    body: {
      required: true,
      content: {
        "application/octet-stream": binary,
        "multipart/form-data": {
          schema: {
            type: "object",
            required: ["file"],
            properties: { file: { type: "string", format: "binary" } },
          },
        },
      },
    },
  },
  responses: {
    201: json(versionSchema, "The new version."),
    ...failures(
      "invalid_request",
      "project_not_found",
      "import_too_large",
      "unsupported_media_type",
      "weights_unreadable",
      "weights_truncated",
      "weights_foreign_global",
      "weights_zip_bomb",
      "weights_wrong_architecture",
      "weights_names_missing",
      "weights_not_finite",
      "weights_base_mismatch",
      "signature_required",
      "signature_refused",
      "quota_exceeded",
      ...idempotencyErrors,
    ),
  },
});

export function versionImportRoutes(services: RouteContext) {
  const { db, config } = services;
  const router = createRouter();

  router.openapi(importRoute, async (c) => {
    // Asked before the body is read: nobody sends a model for a 404.
    const ask = askOf(c, c.req.valid("param"));
    if ((c.req.header("content-type") ?? "").startsWith("application/json")) {
      throw new AppError(
        "unsupported_media_type",
        "Send the file itself, or multipart/form-data with a field `file`.",
      );
    }
    const checkSignature = await signatureCheck(services, c.req.header(signatureHeader));
    const answer = await withFileUpload(c, config.MAX_IMPORT_BYTES, async (file) =>
      idempotent(c, db, { sha256: file.sha256, fileName: file.fileName }, async () => {
        checkSignature(file.sha256);
        const version = await importVersion(services, ask, file);
        return { status: 201 as const, body: toVersion(version, ask.project.activeVersion, "full") };
      }),
    );
    return c.json(answer.body, answer.status);
  });

  return router;
}
