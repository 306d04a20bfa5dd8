import { CliError } from "./errors.ts";

/** A place in a bucket, as s3://BUCKET/PREFIX names it. */
export interface Place {
  readonly bucket: string;
  readonly prefix: string;
}

/** Null for what does not begin with `s3://`. Throws CliError where no bucket is named. */
export function placeOf(text: string): Place | null {
  if (!text.startsWith("s3://")) return null;
  const [, bucket = "", prefix = ""] = /^s3:\/\/([^/]*)\/?(.*)$/.exec(text) ?? [];
  if (bucket === "") throw new CliError("usage", `${text} names no bucket: write s3://BUCKET/PREFIX.`);
  return { bucket, prefix };
}
