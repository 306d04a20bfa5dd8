import type { ExportedImage } from "../../db/queries/export-rows.ts";
import type { ExportHead } from "./types.ts";

const imageEnding =
  /\.(jpe?g|jpe|jfif|png|webp|tiff?|bmp|dib|gif|avif|hei[cf]|hif|jp2|j2[kc]|jpx|dcm|dicom)$/i;

/** Its own name where no other image has it and it ends like an image's; else its id, which is one of a kind. */
export const nameIn = (
  { id, fileName, format }: ExportedImage,
  { shared }: Pick<ExportHead, "shared">,
): string =>
  fileName !== null && !shared.has(fileName) && imageEnding.test(fileName) ? fileName : `${id}.${format}`;

/** The same for files that are called after images: the name is a path of a zip, and its stem is no other's. */
export function pathIn(image: ExportedImage, { shared }: ExportHead): string {
  const { id, fileName, format } = image;
  return fileName !== null && isPath(fileName) && !shared.has(stemOf(fileName).toLowerCase())
    ? fileName
    : `${id}.${format}`;
}

/** Whether a name is the path of an image that a zip or a bucket can have. */
export const isPath = (name: string): boolean =>
  imageEnding.test(name) &&
  // oxlint-disable-next-line no-control-regex -- names of files have none
  !/[\u0000-\u001f\\:]/.test(name) &&
  name.split("/").every((part) => part !== "" && part !== "." && part !== "..");

/** `a/b.c.png` to `a/b.c`. */
export const stemOf = (path: string): string => path.replace(/\.[^./]*$/, "");

/** `a/b.png` to `b.png`. */
export const baseOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
