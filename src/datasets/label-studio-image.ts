import { baseOf, isImageName } from "./plan.ts";
import { fileError } from "./problems.ts";

/** Label Studio puts this before the name of a file that was uploaded to it. */
const uploadPrefix = /^[0-9a-f]{8}-/;

/**
 * The zip's image that a task shows, by the one field of its data that names an image (`image` where there are several).
 * Throws AppError import_file_invalid when there is none in the data or in the zip, or when several may be meant.
 */
export function taskImage(
  where: string,
  data: Readonly<Record<string, unknown>>,
  find: (fileName: string) => readonly string[],
): string {
  const fields = Object.entries(data).flatMap(([key, value]) => {
    const path = typeof value === "string" ? pathOf(value) : "";
    return isImageName(path) ? [{ key, path }] : [];
  });
  const field = fields.find(({ key }) => key === "image") ?? fields[0];
  if (!field) throw fileError(where, "its data names no JPEG, PNG, WebP or TIFF image");
  if (fields.length > 1 && field.key !== "image")
    throw fileError(where, `its data names ${fields.length} images; call the one that is drawn on \`image\``);
  const { path } = field;
  const exact = find(path);
  const found = exact.length > 0 ? exact : find(baseOf(path).replace(uploadPrefix, ""));
  const [name, ...others] = found;
  if (name === undefined) throw fileError(where, `the zip has no file ${baseOf(path)}`);
  if (others.length > 0)
    throw fileError(where, `${path} may be ${name} or ${others.join(" or ")}; name them apart`);
  return name;
}

/** `/data/upload/1/x.png`, `/data/local-files/?d=a/x.png`, `s3://bucket/a/x.png?v=1` to the file's own path. */
function pathOf(text: string): string {
  const local = /[?&]d=([^&]+)/.exec(text)?.[1];
  const isUrl = /^([a-z][a-z0-9+.-]*:\/)?\//i.test(text);
  if (local === undefined && !isUrl) return text;
  const plain = local ?? text.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, "").replace(/[?#].*$/s, "");
  try {
    return decodeURIComponent(plain).replace(/^\/+/, "");
  } catch {
    // A name with a bare % was never encoded.
    return plain.replace(/^\/+/, "");
  }
}
