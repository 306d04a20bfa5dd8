import { Readable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { selectLabels } from "../db/queries/export-rows.ts";
import { selectNumberedImages, type NumberedImage } from "../db/queries/result-images.ts";
import { asJudged, getVersion, requireFinder, type Version } from "../db/queries/versions.ts";
import { categoryIds, cocoResults, type ImageResults } from "../exports/annotations/coco-results.ts";
import type { RleMask } from "../imaging/types.ts";
import type { FindingVersion } from "../inference/find/types.ts";
import { AppError } from "../lib/errors.ts";
import { imageSource } from "../storage/named-objects.ts";
import type { ActionContext, Ask } from "./context.ts";

/** Images of one file, each a second or more of two cores where its embedding is not cached. */
export const mostResultImages = 1000;
/** Finds of an image at most, as many as COCOeval looks at. */
export const mostOfImage = 100;
/** Characters of an image's masks, and the memory that a file holds while it is sent: those in two copies. */
const [maxMaskText, heldBytes] = [16 * 1024 * 1024, 64 * 1024 * 1024];

/** `test`: those that judged the version, looked at by its twin, which they taught nothing. */
export const resultSides = ["all", "annotated", "test"] as const;

export interface AskedResults {
  /** Null for the live one. */
  readonly version: number | null;
  readonly images: (typeof resultSides)[number];
  /** Label scores from which finds are told, in [0, 1]. */
  readonly threshold: number;
}

/**
 * What a version finds on a project's images, as a COCO results file that is made while it is read: one image is looked at
 * at a time, and nobody looks where nobody reads. The first is looked at before this resolves. A look that fails later ends
 * the file in its middle, which no JSON reader takes for a whole one.
 * Throws AppError version_not_found, finder_missing, export_too_many_images, overloaded, and what Inference.find throws.
 */
export async function exportResults(
  context: ActionContext,
  { scope, project, signal }: Ask,
  { version: number, images: side, threshold }: AskedResults,
): Promise<Readable> {
  const { db, memory } = context;
  const served = await versionOf(context, scope, number ?? project.activeVersion ?? 0);
  const version = side === "test" ? asJudged(served) : served;
  const [labels, images] = await db.transaction(
    async (tx) => [
      await selectLabels(tx, scope),
      await selectNumberedImages(tx, scope, chosen(side, version), mostResultImages + 1),
    ],
    { isolationLevel: "repeatable read", accessMode: "read only" },
  );
  if (images.length > mostResultImages)
    throw new AppError(
      "export_too_many_images",
      `images: ${side} are more than the ${mostResultImages} that one file of results is made for. Ask for \`annotated\` or \`test\`.`,
      { param: "images" },
    );
  const held = await memory.reserve(heldBytes, { by: scope.workspaceId, what: "This export", signal });
  try {
    const gone = new AbortController();
    const either = AbortSignal.any([signal, gone.signal]);
    const look = async (image: NumberedImage): Promise<ImageResults> =>
      resultsOf(context, { baseModel: project.baseModel, workspaceId: scope.workspaceId }, image, {
        version,
        threshold,
        signal: either,
      });
    const [first, ...rest] = images;
    const looks = lookedAt(first && (await look(first)), rest, look);
    const rows = cocoResults(looks, categoryIds(labels, version.finder.labels));
    // Not more than an image is looked at ahead of the reader.
    const file = Readable.from(bytesOf(rows), { highWaterMark: 1 });
    file.once("close", () => {
      gone.abort();
      held.release();
    });
    return file;
  } catch (error) {
    held.release();
    throw error;
  }
}

async function* bytesOf(rows: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const row of rows) yield Buffer.from(row);
}

async function versionOf(
  { db }: ActionContext,
  scope: Ask["scope"],
  number: number,
): Promise<Version & FindingVersion> {
  if (number === 0) requireFinder({ number });
  const found = await getVersion(db, scope, number, "version");
  return { ...found, finder: requireFinder(found) };
}

const chosen = (side: AskedResults["images"], { metrics }: Version) =>
  side === "test"
    ? { only: [...new Set(metrics?.perAnnotation.map(({ imageId }) => imageId))] }
    : { labelled: side === "annotated" };

async function* lookedAt(
  first: ImageResults | undefined,
  rest: readonly NumberedImage[],
  look: (image: NumberedImage) => Promise<ImageResults>,
): AsyncGenerator<ImageResults> {
  if (first) yield first;
  for (const image of rest) {
    await nextTurn();
    yield await look(image);
  }
}

async function resultsOf(
  { inference, store }: ActionContext,
  whose: { baseModel: string; workspaceId: string },
  image: NumberedImage,
  { version, threshold, signal }: { version: FindingVersion; threshold: number; signal: AbortSignal },
): Promise<ImageResults> {
  const { results } = await inference.find({
    ...whose,
    image: { ...imageSource(store, image), size: [image.height, image.width] },
    versions: [version],
    asks: [{}],
    threshold,
    most: mostOfImage,
    format: "rle",
    maxAnswerText: maxMaskText,
    signal,
  });
  const objects = results[0]?.asks[0]?.objects ?? [];
  return {
    number: image.number,
    objects: objects.map((object) => ({ ...object, mask: object.mask as RleMask })),
  };
}
