import { join } from "node:path";
import type { Box, Point } from "../../src/imaging/types.ts";
import type { PredictRequest, PredictResult, Prompt } from "../../src/inference/types.ts";
import type { Inference } from "../../src/inference/inference.ts";
import type { ObjectStore } from "../../src/storage/store.ts";
import { asPng, discImage } from "../worlds/images.ts";
import { countedSource, testInference } from "../helpers/inference.ts";
import { addSam2Model, sam2Name } from "../worlds/sam2-model.ts";
import { localTestStore } from "../helpers/objects.ts";

/** One clear object: a disc of radius 60 round (150, 140) on 400 x 300 pixels. */
export const { image, mask: truth } = discImage(400, 300, { x: 150, y: 140, radius: 60 });
export const size = [300, 400] as const;
export const box: Box = [90, 80, 210, 200];
export const centre: Point = [150, 140, 1];

/**
 * The real MobileSAM, or the SAM 2 of sam2-model.ts, with a store of its own; `predict` asks for the base's single mask of
 * the disc, as RLE.
 */
export async function openDisc(baseModel: "mobile_sam" | typeof sam2Name = "mobile_sam") {
  const storage = await localTestStore();
  if (baseModel === sam2Name) await addSam2Model(storage.store);
  const modelsFolder = join(storage.dir, "models");
  const inference: Inference = await testInference(storage.store, { modelsFolder });
  const store: ObjectStore = storage.store;
  const request = {
    image: countedSource(await asPng(image)),
    workspaceId: "ws_1",
    baseModel,
    versions: [{ number: 0 }],
    multimask: false,
    format: "rle",
  } as const;
  return {
    store,
    modelsFolder,
    inference,
    request,
    predict: (prompts: readonly Prompt[], options: Partial<PredictRequest> = {}) =>
      inference.predict({ ...request, ...options, prompts }),
    close: async () => {
      await inference.close();
      await storage.close();
    },
  };
}

export function masksOf(result: PredictResult, prompt = 0, version = 0) {
  const masks = result.results[version]?.predictions[prompt]?.masks;
  if (!masks) throw new Error(`no answer for prompt ${prompt} of version ${version}`);
  return masks;
}
