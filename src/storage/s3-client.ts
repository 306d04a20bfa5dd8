import { S3Client } from "@aws-sdk/client-s3";

export interface S3Options {
  bucket: string;
  region: string;
  /** Left out, Amazon's own. */
  endpoint?: string | undefined;
  forcePathStyle?: boolean;
  /** Left out, what the environment or the machine's role gives. */
  credentials?: { accessKeyId: string; secretAccessKey: string };
  /** Keys of one page of a listing; at most 1000. */
  pageSize?: number;
}

/** A client as every server that speaks S3's protocol understands it. */
export const s3Client = (options: Omit<S3Options, "bucket">): S3Client =>
  new S3Client({
    region: options.region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    forcePathStyle: options.forcePathStyle ?? false,
    // Other servers than Amazon's don't know its newer checksums, or store them inside the object. We have our own.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    maxAttempts: 4,
    // The time of silence on the line, not of the whole transfer: a large object may take long.
    requestHandler: { connectionTimeout: 5_000, socketTimeout: 60_000 },
  });
