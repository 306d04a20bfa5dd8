import { resolve } from "node:path";
import { Buckets } from "./buckets.ts";
import { LocalStore } from "./local.ts";
import { S3Store } from "./s3.ts";
import type { ObjectStore } from "./store.ts";

/** The settings of src/config.ts that say where objects lie. */
export interface StorageConfig {
  DATA_DIR: string;
  S3_BUCKET?: string | undefined;
  S3_ENDPOINT?: string | undefined;
  S3_REGION: string;
  S3_FORCE_PATH_STYLE: boolean;
}

/** In the bucket, when one is named; else on local disk below DATA_DIR. */
export function createObjectStore(config: StorageConfig): ObjectStore {
  if (config.S3_BUCKET === undefined) return new LocalStore(resolve(config.DATA_DIR));
  return new S3Store({
    bucket: config.S3_BUCKET,
    region: config.S3_REGION,
    endpoint: config.S3_ENDPOINT,
    forcePathStyle: config.S3_FORCE_PATH_STYLE,
  });
}

/** Buckets of others, on the same server and with the same credentials. */
export const createBuckets = (config: StorageConfig): Buckets =>
  new Buckets({
    region: config.S3_REGION,
    endpoint: config.S3_ENDPOINT,
    forcePathStyle: config.S3_FORCE_PATH_STYLE,
  });
