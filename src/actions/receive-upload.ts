import { isPendingUpload } from "../db/queries/uploads.ts";
import { AppError } from "../lib/errors.ts";
import type { ActionContext } from "./context.ts";

/** What an upload by link was announced as; `key` is where its bytes shall lie. */
export interface AnnouncedFile {
  readonly key: string;
  readonly type: string;
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

/** Throws AppError link_invalid where the upload was completed already, or is gone: what comes now would belong to nobody. */
export async function requirePending({ db }: ActionContext, { key }: AnnouncedFile): Promise<void> {
  if (!(await isPendingUpload(db, key)))
    throw new AppError("link_invalid", "What this link was for has arrived already, or its time is over.");
}

/** Stores a file of this machine as the bytes that were announced. Throws AppError upload_mismatch where it is another. */
export async function receiveUpload(
  { store }: ActionContext,
  { key, type, bytes, sha256 }: AnnouncedFile,
  file: { readonly path: string; readonly bytes: number; readonly sha256: string },
): Promise<void> {
  if (file.bytes !== bytes || file.sha256 !== sha256) {
    throw new AppError(
      "upload_mismatch",
      `These ${file.bytes} bytes have the SHA-256 ${file.sha256}; the upload was announced with ${bytes} and ${sha256}.`,
    );
  }
  await store.putFile(key, file.path, { contentType: type });
}
