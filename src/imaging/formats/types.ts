import type { Samples } from "../types.ts";

/** What a file's header tells before a pixel is unpacked. */
export interface PictureHead {
  readonly width: number;
  readonly height: number;
  readonly pages: number;
  /** Bytes of memory a pixel that reading it takes at most, the file left out. */
  readonly cost: number;
}

/** The samples of a file's first picture, and how it wants them shown. */
export interface ReadPicture extends Samples {
  /** Samples that are black and white where the file says so itself. */
  readonly window?: readonly [black: number, white: number] | undefined;
}

/** Reads one format that sharp does not. Both throw AppError image_format_unsupported, or the decoder's Error. */
export interface PictureReader {
  head(bytes: Uint8Array): Promise<PictureHead>;
  read(bytes: Uint8Array): Promise<ReadPicture>;
}
