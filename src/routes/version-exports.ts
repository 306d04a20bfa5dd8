import { createRoute, z } from "@hono/zod-openapi";
import { exportVersionFile, registeredSignature, signExport } from "../actions/export-version.ts";
import { modelKey } from "../db/queries/signing-secrets.ts";
import { exportFormats } from "../exports/types.ts";
import { keyIdOf, publicKeyOf } from "../lib/model-signature.ts";
import { failures } from "./http/errors.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { askOf, json, projectOf, projectParams, scopeOf, versionInPath } from "./http/scope.ts";
import { sendFile } from "./http/send-file.ts";
import { exportVariant, withEncoder } from "./wire/version-export.ts";

/** As lib/model-signature.ts writes it. */
const signatureSchema = z
  .object({
    mediaType: z.string(),
    verificationMaterial: z.looseObject({ publicKey: z.object({ hint: z.string().optional() }) }),
    dsseEnvelope: z.object({
      payload: z.string().openapi({ description: "Base64 of an in-toto statement." }),
      payloadType: z.string(),
      signatures: z.array(z.looseObject({ sig: z.string() })),
    }),
  })
  .openapi("ModelSignature");

const binary = { schema: { type: "string", format: "binary" } } as const;

const request = {
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
    variant: exportVariant,
    full: z.stringbool().default(false).openapi({
      type: "boolean",
      description: withEncoder,
    }),
  }),
};

const refusals = failures(
  "invalid_request",
  "project_not_found",
  "version_not_found",
  "export_format_unsupported",
  "export_full_unavailable",
  "export_served_unavailable",
  "version_damaged",
);

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
    "Of a SAM 2, `pth` has the names of Meta's checkpoints, `onnx` samexporter's layout, and `hf` and `transformersjs` are a Sam2Model; nothing that follows objects through videos is in any file. " +
    "`transformersjs`: a zip with the image encoder; the same of transformers.js, in Node and browsers. These hold the decoder alone, without the window " +
    "and what refines masks where a version's focus has them, and their cards say how the decoder does by itself. " +
    "`bundle`: a zip with all of the version as ONNX and runners for Python and JavaScript that answer as predict does. " +
    "`card`: the model card alone, Markdown. " +
    "If-None-Match is honoured. docs/exports.md tells how to load each.",
  request,
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
    ...refusals,
  },
});

const signatureRoute = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/versions/{number}/export/signature",
  tags: ["versions"],
  summary: "Get the signature of an exported file",
  description:
    "The same query as for the file. The answer is what belongs into FILE.sig: a Sigstore bundle in the format of OpenSSF's " +
    "model signing 1.0, by this installation's key (GET /v1/model-signing-key). `maskwright verify` checks it, and so does " +
    "`model_signing verify key FILE --signature FILE.sig --public-key key.pem`.",
  request,
  responses: { 200: json(signatureSchema, "The signature."), ...refusals },
});

const registeredRoute = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/versions/{number}/signature",
  tags: ["versions"],
  summary: "Get the signature that a version was registered with",
  description:
    "It is of the version's weights as they lie in the object store, which is what a link to them gives " +
    "(POST …/versions/{number}/link), and tells project, version, base model and the snapshot that it was trained on.",
  request: {
    params: projectParams.extend({
      number: versionInPath().openapi({ param: { name: "number", in: "path" }, example: 1 }),
    }),
  },
  responses: {
    200: json(signatureSchema, "The signature."),
    ...failures(
      "invalid_request",
      "project_not_found",
      "version_not_found",
      "version_unsigned",
      "version_damaged",
    ),
  },
});

const keyRoute = createRoute({
  method: "get",
  path: "/v1/model-signing-key",
  tags: ["versions"],
  summary: "Get the public key that this installation signs versions with",
  responses: {
    200: json(
      z
        .object({
          object: z.literal("model_signing_key"),
          id: z
            .string()
            .openapi({ description: "SHA-256 of the PEM text; signatures name their key by it." }),
          pem: z.string().openapi({ description: "SubjectPublicKeyInfo in PEM." }),
        })
        .openapi("ModelSigningKey"),
      "The public key.",
    ),
    ...failures(),
  },
});

export function versionExportRoutes(services: RouteContext) {
  const router = createRouter();

  router.openapi(exportRoute, async (c) => {
    const { number, ...rest } = c.req.valid("param");
    return sendFile(
      c,
      await exportVersionFile(services, askOf(c, rest), { number, ...c.req.valid("query") }),
    );
  });

  router.openapi(signatureRoute, async (c) => {
    const { number, ...rest } = c.req.valid("param");
    const asked = { number, ...c.req.valid("query") };
    const { fileName, sha256, signature } = await signExport(services, askOf(c, rest), asked);
    // No two signatures are the same; one of the same file is as good.
    c.header("ETag", `"sig-${sha256}"`);
    c.header("Content-Disposition", `attachment; filename="${fileName}.sig"`);
    return c.json(signature, 200);
  });

  router.openapi(registeredRoute, async (c) => {
    const { number, ...rest } = c.req.valid("param");
    const scope = scopeOf(c, rest);
    projectOf(c, scope);
    return c.json(await registeredSignature(services, scope, number), 200);
  });

  router.openapi(keyRoute, async (c) => {
    const publicKey = publicKeyOf(await modelKey(services.db));
    return c.json({ object: "model_signing_key" as const, id: keyIdOf(publicKey), pem: publicKey }, 200);
  });

  return router;
}
