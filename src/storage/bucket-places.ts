import { AppError } from "../lib/errors.ts";

/** A place in a bucket: all keys that begin with `prefix`, which is empty or ends in `/`. */
export interface BucketPlace {
  readonly bucket: string;
  readonly prefix: string;
}

/** The setting that allows places, and the places that it holds. */
export interface AllowedPlaces {
  readonly setting: "IMPORT_BUCKETS" | "EXPORT_BUCKETS";
  /** `bucket` or `bucket/folder`; `{workspace}` stands for the caller's. */
  readonly places: readonly string[];
  /** The bucket with the objects of the service itself, which is no such place. */
  readonly own: string | undefined;
}

/**
 * The place that a caller asks for, if the setting allows it: the same folder as one of its places, or one below it.
 * Throws AppError invalid_request (param `prefix`), bucket_not_allowed.
 */
export function allowedPlace(
  { setting, places, own }: AllowedPlaces,
  { bucket, prefix }: { readonly bucket: string; readonly prefix: string },
  workspaceId: string,
): BucketPlace {
  const folder = prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
  const parts = folder.split("/").slice(0, -1);
  if (parts.some((part) => part === "" || part === "." || part === "..") || /\p{Cc}/u.test(folder))
    throw new AppError("invalid_request", "prefix: has to be a plain path such as scans/2026/.", {
      param: "prefix",
    });
  const isAllowed = places.some((place) => {
    const [name = "", ...below] = place.replaceAll("{workspace}", workspaceId).split("/");
    return name === bucket && folder.startsWith(below.map((part) => `${part}/`).join(""));
  });
  if (isAllowed && bucket !== own) return { bucket, prefix: folder };
  const why = bucket === own ? "it holds the objects of the service itself" : `${setting} does not list it`;
  throw new AppError(
    "bucket_not_allowed",
    `${bucket}/${folder} is not open to ${setting === "IMPORT_BUCKETS" ? "imports" : "exports"}: ${why}. ` +
      `${setting}=${bucket}/${folder.replace(/\/$/, "")} in the settings of the installation opens another bucket or folder.`,
    {
      param: bucket === own || !places.some((place) => place.split("/")[0] === bucket) ? "bucket" : "prefix",
    },
  );
}
