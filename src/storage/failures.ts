import { AppError, isFull, messageOf } from "../lib/errors.ts";

export const notFound = (key: string, cause?: unknown): AppError =>
  new AppError("object_not_found", `There is no object ${key}.`, { cause });

export const conflict = (key: string): AppError =>
  new AppError("object_conflict", `The object ${key} exists already, with other content.`);

export const corrupted = (key: string, expected: string, found: string): AppError =>
  new AppError(
    "object_corrupted",
    `The object ${key} is damaged: its SHA-256 is ${found}, written was ${expected}.`,
  );

/** For whatever else a store may throw: the disk is full, the network is down, the bucket is not ours. */
export function unavailable(what: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  return new AppError(
    isFull(cause) ? "storage_full" : "unavailable",
    `The object store can't ${what}: ${messageOf(cause)}`,
    { cause },
  );
}
