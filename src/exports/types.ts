import type { Readable } from "node:stream";
import type { BaseModel } from "../checkpoint/base-models.ts";
import type { ImageEncoder } from "../checkpoint/image-encoders.ts";
import type { Version } from "../db/queries/versions.ts";
import { type ExportVariant, exportVariants } from "../graphs/files.ts";
import { isPlain } from "../domain/focus.ts";

export { exportVariants };

/** `card` is the model card alone, which the other formats carry inside; `bundle` is all of a version, and runs. */
export const exportFormats = [
  "safetensors",
  "onnx",
  "pth",
  "hf",
  "transformersjs",
  "bundle",
  "card",
] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** What is exported: a version of a project, or its base. */
export interface ExportSubject {
  readonly projectId: string;
  readonly base: BaseModel;
  /** Null is the base. */
  readonly version: Version | null;
  /** Image encoders that are known, by their types; SAM's three and SAM 2's four by default. */
  readonly architectures?: Readonly<Record<string, ImageEncoder>>;
}

export interface ExportOptions {
  readonly format: ExportFormat;
  /** With the image encoder. */
  readonly full: boolean;
  /** What an ONNX decoder gives back; other formats have no variants. */
  readonly variant: ExportVariant;
}

/** Whether a file comes with the image encoder because its format does, whatever `full` says. */
export const bringsEncoder = (format: ExportFormat): boolean =>
  format === "bundle" || format === "transformersjs";

/** Whether a file holds the image encoder. */
export const isWhole = ({ format, full }: ExportOptions): boolean => full || bringsEncoder(format);

/**
 * What a file holds: the `decoder` alone, without the window and what refines masks; all of a `version`; or a `card`, no
 * model at all. A version of plain focus is its decoder.
 */
export type Holds = "decoder" | "version" | "card";

export function holdsOf({ version }: ExportSubject, { format, variant }: ExportOptions): Holds {
  if (format === "card") return "card";
  const all = format === "bundle" || (format === "onnx" && variant === "served");
  return all || !version || isPlain(version.focus) ? "version" : "decoder";
}

/** A file to be sent. Whoever has it reads `content` to its end or destroys it. */
export interface ExportedFile {
  readonly fileName: string;
  readonly contentType: string;
  readonly bytes: number;
  /** SHA-256 of the content. The same subject and options give the same bytes. */
  readonly sha256: string;
  readonly content: Uint8Array | Readable;
}
