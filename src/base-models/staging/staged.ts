import type { EncoderInput } from "../../checkpoint/base-models.ts";
import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import type { ModelFamily } from "../../domain/model-family.ts";

/** Files on this machine that have passed every check and only have to be stored. */
export interface Staged {
  readonly family: ModelFamily;
  /** `vit_b`, `hiera_tiny` and so on, or `onnx`; null where the image encoder is another model's. */
  readonly type: string | null;
  /** "PyTorch", "safetensors" or "ONNX", and whose names it has. */
  readonly format: string;
  readonly encoder: StagedEncoder | null;
  readonly decoder: NamedTensors;
  readonly parameters: number;
  /** What the file with the decoder says of itself, without its model card; unchecked. */
  readonly says: Readonly<Record<string, string>>;
  /** What was decided or left out while the files were read, for people. */
  readonly notes: readonly string[];
}

export interface StagedEncoder {
  readonly input: EncoderInput;
  /** The ONNX file among `files`. */
  readonly graph: string;
  /** By the names that the ONNX file refers to. */
  readonly files: readonly { readonly file: string; readonly path: string }[];
}
