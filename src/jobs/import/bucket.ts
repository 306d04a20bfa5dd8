import { createWriteStream, existsSync } from "node:fs";
import { once } from "node:events";
import { finished } from "node:stream/promises";
import { checkTotal, plainName } from "../../datasets/archive.ts";
import { defaultLimits } from "../../datasets/limits.ts";
import type { ListedFile } from "../../datasets/listed.ts";
import type { LeftOut } from "../../datasets/report.ts";
import type { Database, Executor } from "../../db/client.ts";
import { noteSeenObjects, selectSeenObjects } from "../../db/queries/bucket-objects.ts";
import { rowsPerStatement } from "../../db/queries/import-rows.ts";
import type { ProjectScope } from "../../db/queries/scope.ts";
import type { BucketSource, ImportNote } from "../../domain/data-import.ts";
import { AppError } from "../../lib/errors.ts";
import { linesOf } from "../../lib/lines.ts";
import type { Buckets, ListedObject } from "../../storage/buckets.ts";

/** What a place in a bucket holds, in a file that data sets are read by. */
export interface Listing {
  readonly path: string;
  readonly objects: number;
  readonly bytes: number;
  /** Objects that no import before this one has read as they are now. */
  readonly changed: number;
}

/**
 * Lists a place in a bucket into the file at `path`, a ListedFile a line, each with a link that the reader, who has no
 * credentials, fetches it by. Throws AppError import_layout_unknown where nothing is there, bucket_unreadable, unavailable.
 */
export async function listBucket(
  { db, buckets }: { readonly db: Database; readonly buckets: Buckets },
  {
    scope,
    source,
    path,
  }: { readonly scope: ProjectScope; readonly source: BucketSource; readonly path: string },
  signal: AbortSignal,
): Promise<Listing> {
  const { name: bucket, prefix, again } = source;
  const file = createWriteStream(path, { mode: 0o600 });
  // From the beginning: an error that nobody listens to, such as a full disk's, would end the process.
  const written = finished(file);
  written.catch(() => {});
  let [objects, bytes, changed] = [0, 0, 0];
  try {
    for await (const page of buckets.list({ bucket, prefix }, signal)) {
      // Consoles keep a folder as an empty object.
      const own = page.filter(({ key }) => !key.endsWith("/"));
      checkTotal("bucket", { entries: objects + own.length, bytes: 0 }, defaultLimits);
      const keys = own.map(({ key }) => key);
      const known = again ? new Map() : await selectSeenObjects(db, scope, { bucket, keys });
      for (const object of own) {
        const before = known.get(object.key);
        const seen = before?.etag === object.etag && before.bytes === object.bytes;
        objects++;
        bytes += object.bytes;
        if (!seen) changed++;
        const line = await lineOf(buckets, source, object, seen);
        if (!file.write(`${JSON.stringify(line)}\n`)) await once(file, "drain", { signal });
      }
    }
    file.end();
    await written;
  } finally {
    file.destroy();
  }
  if (objects === 0)
    throw new AppError(
      "import_layout_unknown",
      `the bucket has no image: there is nothing below ${placeText(source)}`,
    );
  return { path, objects, bytes, changed };
}

async function lineOf(
  buckets: Buckets,
  { name: bucket, prefix }: BucketSource,
  { key, bytes, etag, asleep }: ListedObject,
  seen: boolean,
): Promise<ListedFile> {
  const file = { name: key.slice(prefix.length), bytes, etag, seen };
  return asleep === null ? { ...file, url: await buckets.link(bucket, key) } : { ...file, url: null, asleep };
}

export const placeText = ({ name, prefix }: Pick<BucketSource, "name" | "prefix">): string =>
  `s3://${name}/${prefix}`;

/** What the import says of a listing. */
export const listingNote = (source: BucketSource, { objects, bytes, changed }: Listing): ImportNote => ({
  code: "bucket_listed",
  count: objects,
  message:
    `${placeText(source)} holds ${objects} objects of ${bytes} bytes; ` +
    (changed === 0
      ? "all are as an import before this one has read them, so that nothing was read"
      : `${objects - changed} of them are as an import before this one has read them`),
});

interface ReadListing {
  readonly source: BucketSource;
  readonly path: string;
  /** What was left out, a line of JSON each. */
  readonly reportPath: string | null;
  /** Which image a name below the place became. */
  readonly imageOf: ReadonlyMap<string, string>;
}

/** Notes all objects of a listing as read, but those that were not given out: the next import tries them again. */
export async function noteListing(
  tx: Executor,
  scope: ProjectScope,
  { source, path, reportPath, imageOf }: ReadListing,
): Promise<void> {
  const missed = await missedIn(reportPath);
  let rows: Parameters<typeof noteSeenObjects>[3][number][] = [];
  for await (const lines of linesOf(path)) {
    for (const line of lines) {
      const { name, etag, bytes, url } = JSON.parse(line) as ListedFile;
      if (url === null || missed.has(plainName(name))) continue;
      rows.push({
        key: source.prefix + name,
        etag,
        bytes,
        imageSha256: imageOf.get(plainName(name)) ?? null,
      });
      if (rows.length < rowsPerStatement) continue;
      await noteSeenObjects(tx, scope, source.name, rows);
      rows = [];
    }
  }
  await noteSeenObjects(tx, scope, source.name, rows);
}

async function missedIn(reportPath: string | null): Promise<ReadonlySet<string>> {
  const missed = new Set<string>();
  if (reportPath === null || !existsSync(reportPath)) return missed;
  for await (const lines of linesOf(reportPath))
    for (const line of lines) {
      const { code, file } = JSON.parse(line) as { code: LeftOut; file: string };
      if (code === "file_changed") missed.add(file);
    }
  return missed;
}
