import { AppError } from "../../lib/errors.ts";

/** Names the prompt that an error is about. */
export const ofPrompt = (error: unknown, index: number): unknown =>
  error instanceof AppError ? error.within(`prompts[${index}]`) : error;
