import type { Readable } from "node:stream";
import type { BaseModel } from "../checkpoint/base-models.ts";
import type { Version } from "../db/queries/versions.ts";
import { type ExportVariant, exportVariants } from "../inference/graphs.ts";

export { exportVariants };

/** `card` is the model card alone, which the other formats carry inside. */
export const exportFormats = ["safetensors", "onnx", "pth", "hf", "card"] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** What is exported: a version of a project, or its base. */
export interface ExportSubject {
  readonly projectId: string;
  readonly base: BaseModel;
  /** Null is the base. */
  readonly version: Version | null;
}

export interface ExportOptions {
  readonly format: ExportFormat;
  /** With the image encoder. */
  readonly full: boolean;
  /** What an ONNX decoder gives back; other formats have no variants. */
  readonly variant: ExportVariant;
}

/** A file to be sent. Whoever has it reads `content` to its end or destroys it. */
export interface ExportedFile {
  readonly fileName: string;
  readonly contentType: string;
  readonly bytes: number;
  /** Of the content. The same subject and options give the same bytes. */
  readonly sha256: string;
  readonly content: Uint8Array | Readable;
}
