import type { BinaryMask } from "../../imaging/types.ts";
import type { Image, Point } from "../api/types.ts";
import type { VersionName } from "../state/predict.ts";

/** Placeholder until exports and embeddings are there. */
export class LocalDecoder {
  readonly ready = false;
  constructor(_projectId: string, _image: Image) {}
  decode(_point: Point, _version: VersionName): Promise<BinaryMask> {
    throw new Error("not ready");
  }
  close(): void {}
}
