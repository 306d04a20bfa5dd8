import { readFile } from "node:fs/promises";
import { eq } from "../../src/db/drizzle.ts";
import { insertImport } from "../../src/db/queries/imports.ts";
import type { ProjectScope } from "../../src/db/queries/scope.ts";
import { annotations, images } from "../../src/db/schema/index.ts";
import { newId } from "../../src/lib/ids.ts";
import { keys } from "../../src/storage/keys.ts";
import { type Files, maskPng, picture } from "../datasets/zips.ts";
import { keysBelow } from "../helpers/objects.ts";
import type { Bench } from "./trainer.ts";

/** Five 80 x 64 pictures of three pages, one mask each. */
export async function pages(): Promise<Files> {
  const files: Files = { "groups.csv": "stem,group\n0,a\n1,a\n2,b\n3,b\n4,c\n" };
  for (let i = 0; i < 5; i++) {
    files[`images/${i}.png`] = await picture(i, 80, 64);
    files[`masks/${i}.png`] = await maskPng([i, 2, 20 + i, 30], { width: 80, height: 64 });
  }
  return files;
}

type Asked = Pick<Parameters<typeof insertImport>[1], "options" | "dryRun">;

/** Stores the file at `path` and queues its import, whose id this is. */
export async function uploadImport(
  { services: { db, store } }: Bench,
  scope: ProjectScope,
  path: string,
  asked: Asked = {},
): Promise<string> {
  const id = newId("imp");
  const bytes = await readFile(path);
  const objectKey = keys.importZip(scope.projectId, id);
  await store.put(objectKey, bytes);
  await insertImport(db, { ...scope, id, objectKey, bytes: bytes.length, fileName: null, ...asked });
  return id;
}

/** What a project holds. */
export async function rowsIn({ services: { db } }: Bench, { projectId }: ProjectScope) {
  return {
    images: await db.select().from(images).where(eq(images.projectId, projectId)),
    annotations: await db.select().from(annotations).where(eq(annotations.projectId, projectId)),
  };
}

/** The keys of all its objects. */
export const objectsIn = ({ services: { store } }: Bench, { projectId }: ProjectScope): Promise<string[]> =>
  keysBelow(store, keys.projectPrefix(projectId));
