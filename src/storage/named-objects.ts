/**
 * Objects by what callers know them as. A store knows keys alone, which say nothing to whoever has to bring an image or a
 * version back.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError, type ErrorCode } from "../lib/errors.ts";
import { digestFile, sha256 } from "../lib/hash.ts";
import { temporaryFolder } from "../lib/temporary.ts";
import type { ObjectStore } from "./store.ts";

/** What is wrong with an object. */
export type Fault = "missing" | "damaged";

/** Null where an error is of another kind: the store can't be reached, say. */
export function faultIn(error: unknown): Fault | null {
  if (!(error instanceof AppError)) return null;
  if (error.code === "object_not_found") return "missing";
  return error.code === "object_corrupted" ? "damaged" : null;
}

/** Runs `read`; what it throws of a missing or damaged object becomes `code` with a message of its own. */
export async function named<T>(
  code: ErrorCode,
  message: (fault: Fault) => string,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const fault = faultIn(error);
    throw fault ? new AppError(code, message(fault), { cause: error }) : error;
  }
}

/** An image of a project and where its bytes lie. */
export interface KeptImage {
  readonly id: string;
  readonly objectKey: string;
}

/** The bytes of an image as uploaded. Throws AppError image_damaged, which tells how to bring it back. */
export const imageBytes = (store: ObjectStore, { id, objectKey }: KeptImage): Promise<Buffer> =>
  named(
    "image_damaged",
    (fault) =>
      `The bytes of image ${id} are ${fault} in the object store; upload the same file again to mend it.`,
    async () => store.get(objectKey),
  );

/** The same as inference takes it: nothing is read before it is needed. */
export const imageSource = (store: ObjectStore, image: KeptImage & { readonly sha256: string }) => ({
  sha256: image.sha256,
  bytes: (): Promise<Buffer> => imageBytes(store, image),
});

/** A small object, such as a version's weights, when it is the one that was registered. Throws AppError object_not_found, object_corrupted. */
export async function registeredObject(
  store: Pick<ObjectStore, "get">,
  { key, sha256: registered }: { readonly key: string; readonly sha256: string },
): Promise<Buffer> {
  const file = await store.get(key);
  const found = sha256(file);
  if (found === registered) return file;
  throw new AppError("object_corrupted", `${key} has sha256 ${found}, and ${registered} was registered`);
}

/**
 * Reads a registered object to its end and says what is wrong with it; null for nothing. It may be larger than memory, so it
 * passes through a file. Throws AppError unavailable.
 */
export async function faultOf(
  store: ObjectStore,
  registered: { readonly key: string; readonly sha256: string },
): Promise<Fault | null> {
  const folder = await temporaryFolder("check", store.nearby);
  const path = join(folder, "object");
  try {
    await store.getFile(registered.key, path);
    return (await digestFile(path)).sha256 === registered.sha256 ? null : "damaged";
  } catch (error) {
    const fault = faultIn(error);
    if (fault === null) throw error;
    return fault;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes an object anew that was lost since it was registered, from a file of the same bytes. */
export async function mendObject(
  store: ObjectStore,
  { path, ...registered }: { readonly key: string; readonly sha256: string; readonly path: string },
): Promise<void> {
  if ((await faultOf(store, registered)) === null) return;
  await store.delete(registered.key);
  await store.putFile(registered.key, path);
}
