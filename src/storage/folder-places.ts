import { realpath, stat } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { AppError } from "../lib/errors.ts";

/** A folder of this installation's machines, and the open one that it is or lies in; both by plain absolute paths. */
export interface FolderPlace {
  readonly root: string;
  readonly path: string;
}

/** What IMPORT_FOLDERS holds. */
export interface AllowedFolders {
  /** Absolute paths; `{workspace}` stands for the caller's. */
  readonly folders: readonly string[];
  /** The folder with the service's own data, which is no such place, nor is one that holds it. */
  readonly own: string;
}

/** Whether `path` is `folder`, or lies in it. */
const isBelow = (path: string, folder: string): boolean => {
  const way = relative(folder, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
};

/**
 * The folder that a caller asks for, if IMPORT_FOLDERS allows it: one of those, or one below. Nothing is looked at on disk:
 * the folder may be on another machine. Throws AppError invalid_request (param `folder`), folder_not_allowed.
 */
export function allowedFolder(
  { folders, own }: AllowedFolders,
  folder: string,
  workspaceId: string,
): FolderPlace {
  const path = folder.length > 1 ? folder.replace(/\/+$/, "") : folder;
  if (!isAbsolute(path) || resolve(path) !== path || /\p{Cc}/u.test(path))
    throw new AppError("invalid_request", "folder: has to be a plain absolute path such as /data/scans.", {
      param: "folder",
    });
  const root = folders
    .map((one) => one.replaceAll("{workspace}", workspaceId))
    .find((one) => isBelow(path, one));
  const isOwn = isBelow(path, resolve(own)) || isBelow(resolve(own), path);
  if (root !== undefined && !isOwn) return { root, path };
  const why = isOwn ? "it holds the data of the service itself" : "IMPORT_FOLDERS does not list it";
  throw new AppError(
    "folder_not_allowed",
    `${path} is not open to imports: ${why}. IMPORT_FOLDERS in the settings of the installation opens folders.`,
    { param: "folder" },
  );
}

/**
 * The real path of an allowed folder on this machine, which no link below the open one leads to. Throws AppError
 * import_zip_invalid.
 */
export async function realFolder({ root, path }: FolderPlace): Promise<string> {
  const refused = (why: string, cause?: unknown): AppError =>
    new AppError("import_zip_invalid", `the folder ${path} ${why}`, { cause });
  const [realRoot, real] = await Promise.all([realpath(root), realpath(path)]).catch((error: unknown) => {
    throw refused("is not there, on the machine that reads imports", error);
  });
  if (real !== join(realRoot, relative(root, path)))
    throw refused("is reached by a link, which is not followed");
  if (!(await stat(real)).isDirectory()) throw refused("is no folder");
  return real;
}
