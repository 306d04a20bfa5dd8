/** What a child process runs for read-decoder.ts. */
import { writeFile } from "node:fs/promises";
import { RefusedFile, type RefusalReason } from "../checkpoint/refused.ts";
import { encodeSafetensors } from "../checkpoint/safetensors.ts";
import { sha256 } from "../lib/hash.ts";
import { type DecoderFile, type DecoderInput, readDecoderFile } from "./decoder-file.ts";

/** What was read, or why it was not taken: a RefusedFile does not pass between processes. */
export type Readable<T> =
  | { readonly value: T }
  | { readonly refused: { readonly reason: RefusalReason; readonly message: string } };

export interface DecoderPaths extends DecoderInput {
  /** Where the decoder's weights are written to. */
  readonly weightsPath: string;
}

export interface DecoderFacts extends Omit<DecoderFile, "tensors"> {
  /** Bytes of the weights that were written. */
  readonly bytes: number;
  readonly sha256: string;
}

/** Runs `work` and keeps its refusal as a value. */
export async function refusable<T>(work: () => Promise<T>): Promise<Readable<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    if (!(error instanceof RefusedFile)) throw error;
    return { refused: { reason: error.reason, message: error.message } };
  }
}

/** A decoder's file, read and checked, its tensors written to `weightsPath`. */
export const decoder = (input: DecoderPaths): Promise<Readable<DecoderFacts>> =>
  refusable(async () => {
    const { tensors, ...facts } = await readDecoderFile(input);
    checkSize(facts.says);
    const bytes = encodeSafetensors(tensors);
    await writeFile(input.weightsPath, bytes);
    return { ...facts, bytes: bytes.length, sha256: sha256(bytes) };
  });

/** What a file says of itself is kept with its version and shown with it. */
const maxSaysBytes = 256 * 1024;

function checkSize(says: Readonly<Record<string, string>>): void {
  const { length } = JSON.stringify(says);
  if (length > maxSaysBytes)
    throw new RefusedFile(
      "unreadable",
      `the file's properties have ${length} characters; ${maxSaysBytes} are the most`,
    );
}
