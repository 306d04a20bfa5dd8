import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";
import { basename, join, relative, sep } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { text } from "node:stream/consumers";
import { pack } from "tar-stream";
import { CliError } from "./errors.ts";

/** What is sent: the same bytes each time that it is read. */
export interface Source {
  readonly name: string;
  /** About how many bytes there will be. */
  readonly bytes: number;
  read(): AsyncIterable<Uint8Array>;
  readonly leftBehind?: readonly LeftBehind[];
}

export async function fileSource(path: string): Promise<Source> {
  const { size } = await stat(path);
  return { name: basename(path), bytes: size, read: () => createReadStream(path) };
}

/** What a folder holds that is not sent, by kind. */
export interface LeftBehind {
  readonly kind: "hidden files" | "symbolic links" | "special files";
  /** Sorted; a folder, which ends in `/`, stands for all that it holds. */
  readonly names: readonly string[];
}

/**
 * A folder as a TAR that lies nowhere; hidden files and links stay out, and times, so that it is the same each time.
 * Nothing outside of the folder is read.
 */
export const folderSource = async (folder: string): Promise<Source> =>
  tarSource(`${basename(folder)}.tar`, [{ under: "", path: folder }]);

/** Files and folders as one TAR, each below a path of its own that ends in `/` or is empty; see folderSource. */
export async function tarSource(
  name: string,
  parts: readonly { readonly under: string; readonly path: string }[],
): Promise<Source> {
  const files: { name: string; path: string }[] = [];
  const left = {
    "hidden files": new Set<string>(),
    "symbolic links": new Set<string>(),
    "special files": new Set<string>(),
  };
  for (const { under, path } of parts) {
    if (!(await stat(path)).isDirectory()) {
      files.push({ name: under + basename(path), path });
      continue;
    }
    const before = files.length;
    for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
      const own = relative(path, join(entry.parentPath, entry.name)).split(sep);
      const hidden = own.findIndex((part) => part.startsWith("."));
      const inside = own.join("/");
      if (hidden >= 0)
        left["hidden files"].add(
          own.slice(0, hidden + 1).join("/") + (hidden < own.length - 1 || entry.isDirectory() ? "/" : ""),
        );
      else if (entry.isFile()) files.push({ name: under + inside, path: join(path, inside) });
      else if (entry.isSymbolicLink()) left["symbolic links"].add(inside);
      else if (!entry.isDirectory()) left["special files"].add(inside);
    }
    const links = left["symbolic links"].size;
    if (files.length === before)
      throw new CliError(
        "folder_empty",
        links === 0
          ? `${path} holds no files.`
          : `${path} holds no files but links (${links}), which are not followed: copy what they lead to (cp -rL).`,
      );
  }
  files.sort((a, b) => (a.name < b.name ? -1 : 1));
  let bytes = 0;
  for (const { path } of files) bytes += (await stat(path)).size + 1024;
  return {
    name,
    bytes,
    read: () => tarOf(files),
    leftBehind: Object.entries(left).flatMap(([kind, found]) =>
      found.size === 0 ? [] : [{ kind: kind as LeftBehind["kind"], names: [...found].sort() }],
    ),
  };
}

function tarOf(files: readonly { name: string; path: string }[]): AsyncIterable<Uint8Array> {
  const tar = pack();
  const put = async (): Promise<void> => {
    for (const { name, path } of files) {
      const { size } = await stat(path);
      const entry = tar.entry({ name, size, mtime: new Date(0), mode: 0o644 });
      await pipeline(createReadStream(path), entry);
    }
    tar.finalize();
  };
  put().catch((error: unknown) => tar.destroy(error as Error));
  return tar as unknown as AsyncIterable<Uint8Array>;
}

/** Reads a source once, for its length and SHA-256. */
export async function digestOf(
  source: Source,
  told: (seen: number) => void,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of source.read()) {
    hash.update(chunk);
    told((bytes += chunk.length));
  }
  return { bytes, sha256: hash.digest("hex") };
}

interface Link {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Sends a source as it is read. An object store takes no body without a length, which fetch does not promise to tell. */
export async function send(
  source: Source,
  { url, method, headers }: Link,
  bytes: number,
  told: (seen: number) => void,
): Promise<void> {
  const start = url.startsWith("https:") ? secureRequest : plainRequest;
  const request = start(url, { method, headers: { ...headers, "content-length": String(bytes) } });
  const answered = new Promise<{ status: number; body: string }>((resolve, reject) => {
    request.on("error", reject);
    request.on("response", (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    });
  });
  const counted = async function* () {
    let seen = 0;
    for await (const chunk of source.read()) {
      told((seen += chunk.length));
      yield chunk;
    }
  };
  const sent = pipeline(Readable.from(counted()), request);
  // Whoever refuses a body answers before it has come to its end; that answer says more than a broken pipe.
  sent.catch(() => {});
  const { status, body } = await answered.catch(async (error: unknown) => {
    await sent;
    throw error;
  });
  if (status < 200 || status > 299)
    throw new CliError("upload_failed", `The file was not taken: ${status} ${body}`);
}
