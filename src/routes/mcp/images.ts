import { z } from "@hono/zod-openapi";
import { storeImageBytes } from "../../actions/store-image.ts";
import { listImages } from "../../db/queries/images.ts";
import { decodeBase64 } from "../../lib/base64.ts";
import { pageBody, pageOf, pageRequest } from "../http/pages.ts";
import { text } from "../http/scope.ts";
import { cleanName } from "../http/upload.ts";
import { imageSchema, toImage } from "../wire/image.ts";
import { mostBase64, ofProject, pageInput } from "./input.ts";
import { projectAsked, reads, toolOf } from "./tool.ts";

export const listImagesTool = toolOf({
  name: "list_images",
  title: "List images",
  description:
    "Lists the images of a project, newest first, with sizes in pixels. predict takes their ids. Their pixels are not in " +
    "the answer: ask predict for an overlay to see one.",
  route: "GET /v1/projects/{project_id}/images",
  effect: reads,
  input: ofProject.extend(pageInput),
  output: pageOf(imageSchema),
  work: async (asked, input) => {
    const { scope } = await projectAsked(asked, input);
    return { answer: pageBody(await listImages(asked.services.db, scope, pageRequest(input)), toImage) };
  },
});

export const uploadImageTool = toolOf({
  name: "upload_image",
  title: "Upload an image",
  description:
    "Stores an image in a project. The same bytes again give the image that is there. " +
    "Up to 3 MB; send larger ones over HTTP: POST /v1/projects/{project_id}/images with the file as the body.",
  route: "POST /v1/projects/{project_id}/images",
  effect: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: ofProject.extend({
    base64: z.string().max(mostBase64).openapi({
      description: "The file (JPEG, PNG, WebP, TIFF, ...) in base64; a data URL is accepted too.",
    }),
    file_name: text(255).optional().openapi({ description: "Its name, for people." }),
    group: text(200).optional().openapi({
      description: "Images of one group (a page, a patient) are kept on the same side of a split.",
    }),
  }),
  output: imageSchema,
  work: async (asked, input) => {
    const { scope } = await projectAsked(asked, input);
    const bytes = await decodeBase64(input.base64, "base64");
    const about = { fileName: cleanName(input.file_name), splitGroup: input.group ?? null };
    const { image } = await storeImageBytes(asked.services, scope, bytes, about);
    return { answer: toImage(image) };
  },
});
