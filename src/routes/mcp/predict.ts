import { z } from "@hono/zod-openapi";
import type { ActionContext, Ask } from "../../actions/context.ts";
import { checkDrawable, drawPrediction } from "../../actions/draw-prediction.ts";
import { predict, type Predicted } from "../../actions/predict.ts";
import { maskTextLength } from "../../imaging/mask-text.ts";
import { mostDrawn } from "../../imaging/picture/overlay.ts";
import { AppError } from "../../lib/errors.ts";
import { contentLength } from "../http/scope.ts";
import { LateValues } from "../http/stream-json.ts";
import { imageBodyOf } from "../wire/image.ts";
import { maskReference } from "../wire/mask.ts";
import { plainPredictionSchema, predictBody, promptBody, toAsked, toPrediction } from "../wire/predict.ts";
import { mostBase64, ofProject } from "./input.ts";
import { askAsked, reads, toolOf } from "./tool.ts";

/** Characters of an answer's JSON: more helps nobody who reads it. */
const mostText = 128 * 1024;

const input = ofProject.extend(predictBody.shape).extend({
  image: imageBodyOf(mostBase64),
  prompts: z
    .array(promptBody.omit({ text: true }).extend({ mask: maskReference.optional() }))
    .max(4096)
    .default([])
    .openapi({
      description:
        'What to segment. Each prompt is one object, by box, points or both: {"box": [10, 20, 110, 90]}; or all objects of a ' +
        'label that the version was taught: {"label": "stamp"}; or all that are like one: {"like": {"box": [...]}}. Needed ' +
        "unless `find` is true.",
    }),
  format: z.enum(["polygon", "rle"]).default("polygon").openapi({
    description: "polygon: rings of corners in pixels. rle: COCO's compressed run lengths, exact.",
  }),
  polygon_tolerance: z.number().min(0).max(100).default(1).openapi({
    description:
      "How many pixels a polygon may be off the mask's edge; more makes shorter answers, 0 is exact.",
  }),
  overlay: z
    .boolean()
    .default(false)
    .openapi({
      description:
        "true: also a small picture of the image with the first version's masks drawn on it, numbered from 1 in the order of " +
        `the answer, the first ${mostDrawn}. Not with image.sha256.`,
    }),
});

export const predictTool = toolOf({
  name: "predict",
  title: "Segment an image",
  description:
    "Makes masks of what the prompts ask for, in an image of the project (image.id of list_images), one sent as base64, or one " +
    "that was sent before (image.sha256 of that answer). Answers with a score, box, area and mask for each object. `version` " +
    'is the live one unless said; ["base", "active"] compares the two. Changes nothing but the log of predictions.',
  route: "POST /v1/projects/{project_id}/predict",
  effect: reads,
  input,
  output: plainPredictionSchema,
  work: async (asked, { overlay, project_id, ...body }) => {
    const ask = await askAsked(asked, { project_id });
    if (overlay) checkDrawable(body.image);
    const predicted = await predict(asked.services, ask, {
      ...toAsked(body),
      // A picture that is sent along is emptied once it is read, and it is drawn below.
      image: overlay ? { ...body.image } : body.image,
      requestBytes: contentLength(asked.c),
    });
    try {
      const answer = readable(predicted);
      await predicted.finish(Buffer.byteLength(JSON.stringify(answer)));
      if (!overlay) return { answer };
      return { answer, picture: await pictureOf(asked.services, ask, body.image, predicted) };
    } finally {
      predicted.held.release();
    }
  },
});

/** Characters of a coordinate and its comma at the very least, of the five that maskTextLength counts. */
const shareOfEstimate = 2 / 5;

/** Less than which the masks' text can't be: thousands of them are not written only to be refused. */
const textAtLeast = ({ result }: Predicted): number =>
  shareOfEstimate *
  result.results
    .flatMap(({ predictions, found }) => [...predictions, ...(found ? [found] : [])])
    .reduce((sum, { masks }) => sum + masks.reduce((own, { mask }) => own + maskTextLength(mask), 0), 0);

/** An answer that is sent as a whole. Throws AppError answer_too_large. */
function readable(predicted: Predicted): z.output<typeof plainPredictionSchema> {
  if (textAtLeast(predicted) <= mostText) {
    const late = new LateValues();
    const answer = toPrediction(predicted, late);
    if (!late.some && JSON.stringify(answer).length <= mostText) return answer;
  }
  const message =
    `The answer has more than ${mostText} characters. Ask for fewer prompts, objects (max_objects) or versions, ` +
    "or for polygons with a higher polygon_tolerance.";
  throw new AppError("answer_too_large", message, { param: "prompts" });
}

async function pictureOf(
  context: ActionContext,
  ask: Ask,
  image: Parameters<typeof drawPrediction>[2],
  { result }: Predicted,
): Promise<Uint8Array> {
  const [first] = result.results;
  const answered = first ? [...first.predictions, ...(first.found ? [first.found] : [])] : [];
  const masks = answered
    .flatMap((one) => one.masks.map(({ mask }) => mask))
    .filter((mask) => mask.format === "polygon" || mask.format === "rle");
  return drawPrediction(context, ask, image, masks);
}
