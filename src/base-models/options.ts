import type { Architectures } from "./identify.ts";
import type { BaseModels } from "./registry.ts";
import type { ObjectStore } from "../storage/store.ts";
export interface ImportOptions {
  readonly store: ObjectStore;
  readonly models: BaseModels;
  /** One weights file, an ONNX pair, or a folder with either. */
  readonly paths: readonly string[];
  /** What projects will call it as their `base_model`. */
  readonly name: string;
  readonly licence?: string;
  /** The base model whose image encoder a file without one is used with. */
  readonly encoderOf?: string;
  /** On a disk with room for the whole model once more; emptied afterwards. */
  readonly workFolder: string;
  /** Image encoders that are known; SAM's three and SAM 2's four by default. */
  readonly architectures?: Architectures;
}
