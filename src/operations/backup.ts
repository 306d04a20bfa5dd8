import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import postgres from "postgres";
import { z } from "zod";
import { digestFile } from "../lib/hash.ts";
import type { ObjectStore } from "../storage/store.ts";
import { newestMigration, quoted, ourTables } from "./tables.ts";

const manifestSchema = z.object({
  format: z.literal("maskwright-backup"),
  version: z.literal(1),
  createdAt: z.string(),
  migration: z.number(),
  tables: z.array(
    z.object({ name: z.string(), columns: z.array(z.string()), bytes: z.number(), sha256: z.string() }),
  ),
  objects: z.array(z.object({ key: z.string(), bytes: z.number(), sha256: z.string() })),
});

export type BackupManifest = z.infer<typeof manifestSchema>;

/** Prefixes of what rows may name; embeddings are made again from their images. */
const objectPrefixes = ["projects/", "base-models/"];
const passing = /^projects\/[^/]+\/(uploads|checkpoints)\//;

/**
 * Writes the whole installation into a folder, while it runs: all rows as of one moment, then the objects. Objects never
 * change, so those that the rows name are there a moment later too, but for what is deleted meanwhile. The manifest is
 * written last: a folder without one is no backup. Holds keys' hashes and webhooks' secrets, so keep it like a secret.
 */
export async function backUp(options: {
  databaseUrl: string;
  store: ObjectStore;
  folder: string;
}): Promise<BackupManifest> {
  const { store, folder } = options;
  await mkdir(join(folder, "tables"), { recursive: true });
  const rows = await copyTables(options.databaseUrl, folder);
  const objects: BackupManifest["objects"] = [];
  for (const prefix of objectPrefixes) {
    for await (const key of store.list(prefix)) {
      if (passing.test(key)) continue;
      const path = join(folder, "objects", key);
      await mkdir(dirname(path), { recursive: true });
      try {
        await store.getFile(key, path);
      } catch (error) {
        // Deleted since it was listed, or damaged: then it says so.
        if ((await store.stat(key)) !== null) throw error;
        continue;
      }
      objects.push({ key, ...(await digestFile(path)) });
    }
  }
  const manifest: BackupManifest = {
    format: "maskwright-backup",
    version: 1,
    createdAt: new Date().toISOString(),
    ...rows,
    objects,
  };
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest, null, 1));
  return manifest;
}

async function copyTables(
  databaseUrl: string,
  folder: string,
): Promise<Pick<BackupManifest, "migration" | "tables">> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    return await sql.begin("isolation level repeatable read read only", async (tx) => {
      const tables: BackupManifest["tables"] = [];
      for (const { name, columns } of await ourTables(tx)) {
        const path = join(folder, "tables", `${name}.copy`);
        const list = columns.map(quoted).join(", ");
        const rows = await tx.unsafe(`copy ${quoted(name)} (${list}) to stdout`).readable();
        await pipeline(rows, createWriteStream(path));
        tables.push({ name, columns: [...columns], ...(await digestFile(path)) });
      }
      return { migration: await newestMigration(tx), tables };
    });
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** Reads a backup's manifest and checks every file against it. Throws an Error that names the first that is damaged. */
export async function checkBackup(folder: string): Promise<BackupManifest> {
  let text: string;
  try {
    text = await readFile(join(folder, "manifest.json"), "utf8");
  } catch (cause) {
    throw new Error(`${folder} holds no manifest.json: it is no backup, or one that was not finished`, {
      cause,
    });
  }
  const manifest = manifestSchema.parse(JSON.parse(text));
  const files = [
    ...manifest.tables.map((table) => ({ ...table, path: tablePath(folder, table.name) })),
    ...manifest.objects.map((object) => ({ ...object, path: objectPath(folder, object.key) })),
  ];
  for (const { path, bytes, sha256 } of files) {
    const found = await digestFile(path).catch(() => null);
    if (found?.bytes !== bytes || found.sha256 !== sha256)
      throw new Error(`the backup is damaged: ${path} is ${found ? "another than was written" : "missing"}`);
  }
  return manifest;
}

export const tablePath = (folder: string, name: string): string => join(folder, "tables", `${name}.copy`);
export const objectPath = (folder: string, key: string): string => join(folder, "objects", key);

export const rowsOf = (folder: string, name: string) => createReadStream(tablePath(folder, name));
