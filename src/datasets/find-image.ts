import { baseOf, isImageName } from "./plan.ts";
import type { ZipReader } from "./zip.ts";

/**
 * Finds the zip's images by the names that tools write, with and without folders: the very name, the name below images/,
 * or whatever files have its last part. None: there is no such image. Several: nobody can tell which is meant.
 */
export function imageFinder(zip: ZipReader): (fileName: string) => readonly string[] {
  const byBase = new Map<string, string[]>();
  for (const name of zip.entries.keys())
    if (isImageName(name)) byBase.set(baseOf(name), [...(byBase.get(baseOf(name)) ?? []), name]);
  return (fileName) => {
    const wanted = fileName.normalize("NFC").replaceAll("\\", "/").replace(/^\.\//, "");
    for (const name of [wanted, `images/${wanted}`]) if (zip.entries.has(name)) return [name];
    return byBase.get(baseOf(wanted)) ?? [];
  };
}
