import type { BaseModel } from "../checkpoint/base-models.ts";
import type { NamedTensors } from "../checkpoint/named-tensors.ts";
import { RefusedFile, type RefusalReason } from "../checkpoint/refused.ts";
import { encodeSafetensors } from "../checkpoint/safetensors.ts";
import { AppError, type ErrorCode } from "../lib/errors.ts";
import { type Focus, focusSchema, plainFocus } from "../lib/focus.ts";
import { checkFocus } from "../inference/focused/check-focus.ts";
import { type DecoderFile, readDecoderFile } from "./decoder-file.ts";

const codes: Readonly<Record<RefusalReason, ErrorCode>> = {
  unreadable: "weights_unreadable",
  truncated: "weights_truncated",
  foreign_global: "weights_foreign_global",
  zip_bomb: "weights_zip_bomb",
  wrong_architecture: "weights_wrong_architecture",
  names_missing: "weights_names_missing",
  not_finite: "weights_not_finite",
  name_taken: "weights_unreadable",
};

/** A decoder for image embeddings of `base`, read from a file that somebody sent. Throws AppError weights_…. */
export async function readVersionFile(
  path: string,
  base: BaseModel,
): Promise<DecoderFile & { readonly focus: Focus }> {
  let file: DecoderFile;
  try {
    file = await readDecoderFile(path);
  } catch (cause) {
    if (!(cause instanceof RefusedFile)) throw cause;
    // Where the file lies on this machine is nobody's business.
    const message = `file: ${cause.message.replaceAll(path, "it")}.`;
    throw new AppError(codes[cause.reason], message, { param: "file", cause });
  }
  const { says, encoderType } = file;
  const other = encoderType !== null && encoderType !== base.type ? encoderType : says["base_model"];
  const told = says["encoder"] === undefined || says["encoder"] === base.embeddingId;
  if ((encoderType === null || encoderType === base.type) && told) return { ...file, focus: focusOf(says) };
  throw new AppError(
    "weights_base_mismatch",
    `file: it belongs to the image encoder of ${other ?? "another base model"}; this project's base_model is ${base.name}.`,
    { param: "file" },
  );
}

/** How the version looked at images when it was exported; a decoder that was trained on windows wants them again. */
function focusOf({ focus }: Readonly<Record<string, string>>): Focus {
  if (focus === undefined) return plainFocus;
  try {
    const parsed = focusSchema.parse(JSON.parse(focus));
    checkFocus(parsed);
    return parsed;
  } catch (cause) {
    throw new AppError("weights_unreadable", "file: its property `focus` can't be read.", {
      param: "file",
      cause,
    });
  }
}

/** As a version's weights are stored: equal tensors give equal bytes. */
export const encodeVersion = (tensors: NamedTensors): Uint8Array => encodeSafetensors(tensors);
