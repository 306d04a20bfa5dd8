import { AppError, type ErrorCode } from "../../src/lib/errors.ts";

/** The code of the AppError that a call ends with; null when it ends well; any other error is passed on. */
export async function codeOf(call: () => unknown): Promise<ErrorCode | null> {
  return (await errorOf(call))?.code ?? null;
}

/** The AppError that a call ends with; null when it ends well; any other error is passed on. */
export async function errorOf(call: () => unknown): Promise<AppError | null> {
  try {
    await call();
    return null;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}
