import type { ArchiveReader } from "../archive.ts";
import { baseOf, folderOf, isImageName } from "../paths.ts";

/**
 * Finds an archive's pictures by the paths in a table: relative to the table, then by the path's longest ending that is
 * there, as paths of another machine have it, the bare name last and only where one file has it.
 */
export function fileFinder({ entries }: ArchiveReader): (path: string, table: string) => string | null {
  let byBase: Map<string, string | null> | undefined;
  const bases = (): Map<string, string | null> => {
    const found = new Map<string, string | null>();
    for (const name of entries.keys())
      if (isImageName(name)) found.set(baseOf(name), found.has(baseOf(name)) ? null : name);
    return found;
  };
  return (path, table) => {
    const parts = path
      .normalize("NFC")
      .split(/[/\\]+/)
      .filter((part) => part !== "" && part !== ".");
    for (let from = 0; from < parts.length; from++) {
      const ending = parts.slice(from).join("/");
      const found = [folderOf(table) + ending, ending].find((name) => entries.has(name) && isImageName(name));
      if (found !== undefined) return found;
    }
    byBase ??= bases();
    return byBase.get(parts.at(-1) ?? "") ?? null;
  };
}
