import type { ImageFormat } from "../sniff.ts";
import { dicom } from "./dicom.ts";
import { heic } from "./heic.ts";
import { jpeg2000 } from "./jpeg2000.ts";
import type { PictureReader } from "./types.ts";

/** The formats that neither sharp nor samples.ts reads. */
const readers: Partial<Record<ImageFormat, PictureReader>> = { jp2: jpeg2000, heic, dicom };

export const readerOf = (format: ImageFormat): PictureReader | undefined => readers[format];
