import { AppError } from "../lib/errors.ts";
import { foreignFormat, type ImageFormat, readFormats, sniff } from "./sniff.ts";

/** So many bytes of a file's beginning tell what it is. */
export const headBytes = 256;

/** What a picture is, by its first headBytes bytes. Throws AppError image_empty, image_format_unsupported. */
export function recognise(head: Uint8Array): ImageFormat {
  if (head.length === 0) throw new AppError("image_empty", "the image has no bytes");
  const format = sniff(head);
  if (format !== null) return format;
  const foreign = foreignFormat(head);
  const what = foreign
    ? `the content is ${foreign.name}; ${foreign.advice}`
    : "the content is no picture that is read";
  throw new AppError("image_format_unsupported", `${what} (read are ${readFormats})`);
}
