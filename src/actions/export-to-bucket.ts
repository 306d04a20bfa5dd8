import { createReadStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type ExportedImage, pageOfImages, selectSharedNames } from "../db/queries/export-rows.ts";
import { countImages } from "../db/queries/images.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { exportAnnotations } from "../exports/annotations/index.ts";
import { isPath, nameIn } from "../exports/annotations/names.ts";
import type { AnnotationShapes } from "../exports/annotations/types.ts";
import { temporaryFolder } from "../lib/temporary.ts";
import { allowedPlace, type BucketPlace } from "../storage/bucket-places.ts";
import { keys } from "../storage/keys.ts";
import type { ActionContext } from "./context.ts";
import { mediaTypeOf } from "../imaging/sniff.ts";

/** Images of one request: the caller comes back for the next. */
export const imagesAtOnce = 50;
/** Images that are on their way at the same time. */
const together = 4;
const fileName = "annotations.json";

/** Where an export goes, and where the request before this one stood. */
export interface AskedExport {
  readonly bucket: string;
  readonly prefix: string;
  readonly shapes: AnnotationShapes;
  /** Whether the images go along, or the annotations' file alone. */
  readonly images: boolean;
  readonly after: { readonly createdAt: Date; readonly id: string } | null;
}

/** What one request of an export came to. */
export interface ExportStep {
  readonly place: BucketPlace;
  readonly imagesTotal: number;
  /** Images that were written by this request. */
  readonly written: number;
  /** Images that lie there already, byte for byte. */
  readonly there: number;
  /** Images whose own names are no paths and that lie under their ids. */
  readonly renamed: number;
  /** The last image; null once all is written. */
  readonly last: ExportedImage | null;
  /** The key of the annotations' file, which is written last. */
  readonly file: string | null;
}

/**
 * Writes some of a project's images to a bucket, under the names that its COCO file says; what lies there already is not
 * sent again. Behind the last image comes the file. Throws AppError invalid_request, bucket_not_allowed, bucket_unwritable,
 * memory_exceeded, overloaded, unavailable.
 */
export async function exportToBucket(
  services: Pick<ActionContext, "db" | "config" | "memory" | "store" | "buckets">,
  scope: ProjectScope,
  { shapes, images, after, ...asked }: AskedExport,
): Promise<ExportStep> {
  const { db, config } = services;
  const allowed = {
    setting: "EXPORT_BUCKETS",
    places: config.EXPORT_BUCKETS,
    own: config.S3_BUCKET,
  } as const;
  const place = allowedPlace(allowed, asked, scope.workspaceId);
  const imagesTotal = await countImages(db, scope);
  const page = images ? await pageOfImages(db, scope, after, imagesAtOnce + 1) : [];
  const some = page.slice(0, imagesAtOnce);
  const counts = await putImages(services, scope, place, some);
  const told = { place, imagesTotal, ...counts };
  if (page.length > imagesAtOnce) return { ...told, last: some.at(-1) ?? null, file: null };
  const file = await exportAnnotations(services, scope, { format: "coco", shapes, tolerance: 0 });
  const key = place.prefix + fileName;
  await services.buckets.put({ bucket: place.bucket, key }, { ...file, body: file.content });
  return { ...told, last: null, file: key };
}

async function putImages(
  { db, store, buckets }: Pick<ActionContext, "db" | "store" | "buckets">,
  scope: ProjectScope,
  { bucket, prefix }: BucketPlace,
  images: readonly ExportedImage[],
): Promise<Pick<ExportStep, "written" | "there" | "renamed">> {
  const head = { shared: await selectSharedNames(db, scope, { stems: false }) };
  const counts = { written: 0, there: 0, renamed: 0 };
  const folder = await temporaryFolder("export");
  const putOne = async (image: ExportedImage): Promise<void> => {
    const name = nameIn(image, head);
    if (!isPath(name)) counts.renamed++;
    const key = prefix + (isPath(name) ? name : `${image.id}.${image.format}`);
    if ((await buckets.noted(bucket, key)) === image.sha256) {
      counts.there++;
      return;
    }
    const path = join(folder, image.id);
    await store.getFile(keys.image(scope.projectId, image.sha256), path);
    const { sha256, format } = image;
    const contentType = mediaTypeOf(format);
    const { size: bytes } = await stat(path);
    await buckets.put({ bucket, key }, { sha256, bytes, contentType, body: createReadStream(path) });
    await rm(path);
    counts.written++;
  };
  try {
    const waiting = [...images];
    const work = async (): Promise<void> => {
      for (let image = waiting.shift(); image; image = waiting.shift()) await putOne(image);
    };
    const ends = await Promise.allSettled(Array.from({ length: together }, work));
    for (const end of ends) if (end.status === "rejected") throw end.reason;
    return counts;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
