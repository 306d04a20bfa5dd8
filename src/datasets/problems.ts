import { AppError, messageOf } from "../lib/errors.ts";

/** A file inside the zip is at fault: the message begins with its name, which is `param` too. */
export function fileError(file: string, reason: string, cause?: unknown): AppError {
  return new AppError("import_file_invalid", `${file}: ${reason}`, { param: file, cause });
}

/** A file is not as it was when its archive was listed, or is not given out: it is at fault alone, and nothing beside it. */
export const fileChanged = (file: string, reason: string, cause?: unknown): AppError =>
  new AppError("import_file_changed", `${file}: ${reason}`, { param: file, cause });

export const isFileChanged = (error: unknown): error is AppError =>
  error instanceof AppError && error.code === "import_file_changed";

/** Runs `work` and names `file` in whatever AppError it throws. Other errors pass: they are ours, not the file's. */
export async function naming<T>(file: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError) || error.code.startsWith("import_")) throw error;
    throw fileError(file, error.message, error);
  }
}

/** The archive itself is at fault. */
export const archiveError = (reason: string, cause?: unknown): AppError =>
  new AppError("import_zip_invalid", cause === undefined ? reason : `${reason}: ${messageOf(cause)}`, {
    cause,
  });

export const tooLarge = (reason: string): AppError => new AppError("import_too_large", reason);

export const tooMany = (count: number, what: string, most: number): AppError =>
  tooLarge(`the zip has ${count} ${what}; ${most} are the most`);

export const layoutUnknown = (reason: string): AppError => new AppError("import_layout_unknown", reason);
