import { writeFile } from "node:fs/promises";
import type { BaseModel } from "../checkpoint/base-models.ts";
import { RefusedFile, type RefusalReason } from "../checkpoint/refused.ts";
import { encodeSafetensors } from "../checkpoint/safetensors.ts";
import { AppError, type ErrorCode } from "../lib/errors.ts";
import { familyNames } from "../domain/model-family.ts";
import type { Asking } from "../lib/child/pool.ts";
import { type Focus, focusSchema, plainFocus } from "../domain/focus.ts";
import { checkFocus } from "./check-focus.ts";
import { type DecoderFacts, readDecoder } from "./read-decoder.ts";

const codes: Readonly<Record<RefusalReason, ErrorCode>> = {
  unreadable: "weights_unreadable",
  truncated: "weights_truncated",
  foreign_global: "weights_foreign_global",
  zip_bomb: "weights_zip_bomb",
  wrong_architecture: "weights_wrong_architecture",
  names_missing: "weights_names_missing",
  not_finite: "weights_not_finite",
  name_taken: "weights_unreadable",
  masks_differ: "weights_unreadable",
};

/** A decoder's file that was read and checked. */
export interface VersionFile {
  readonly format: DecoderFacts["format"];
  readonly says: DecoderFacts["says"];
  readonly notes: DecoderFacts["notes"];
  readonly focus: Focus;
  /** The decoder as a version's weights are stored, equal tensors as equal bytes, in a file beside the one that was sent. */
  readonly weights: { readonly path: string; readonly bytes: number; readonly sha256: string };
}

/**
 * A decoder for image embeddings of `base`, read in a child process from a file that somebody sent.
 * Files of many workspaces wait in turn, by `asking.by`. Throws AppError weights_….
 */
export async function readVersionFile(
  path: string,
  base: BaseModel,
  asking: Asking = {},
): Promise<VersionFile> {
  const weightsPath = `${path}.safetensors`;
  const basePath = `${path}.base.safetensors`;
  const unpackTo = `${path}.unpacked`;
  await writeFile(basePath, encodeSafetensors(await base.decoderWeights()));
  let file: Awaited<ReturnType<typeof readDecoder>>;
  try {
    file = await readDecoder({ path, weightsPath, basePath, unpackTo }, asking);
  } catch (cause) {
    if (!(cause instanceof RefusedFile)) throw cause;
    // Where the file lies on this machine is nobody's business.
    const named = [`${unpackTo}/`, unpackTo, path].reduce(
      (message, place, i) => message.replaceAll(place, i === 0 ? "" : "it"),
      cause.message,
    );
    const message = `file: ${named}.`;
    throw new AppError(codes[cause.reason], message, { param: "file", cause });
  }
  const { format, family, says, notes, encoderType, bytes, sha256 } = file;
  if (family !== base.family)
    throw new AppError(
      "weights_base_mismatch",
      `file: it is a decoder of ${familyNames[family]}'s; this project's base_model ${base.name} is of ${familyNames[base.family]}'s.`,
      { param: "file" },
    );
  const other = encoderType !== null && encoderType !== base.type ? encoderType : says["base_model"];
  const told = says["encoder"] === undefined || says["encoder"] === base.embeddingId;
  if ((encoderType === null || encoderType === base.type) && told)
    return { format, says, notes, focus: focusOf(says), weights: { path: weightsPath, bytes, sha256 } };
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
