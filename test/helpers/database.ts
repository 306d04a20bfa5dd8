import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { inject } from "vitest";
import { type OpenDatabase, openDatabase } from "../../src/db/client.ts";

/** A fresh, migrated and empty database, for one test file; `close` drops it. */
export const testDatabase = (): Promise<OpenDatabase> => copyOf(inject("postgres").template);

/** One without any schema, for tests of migrations. */
export const emptyDatabase = (): Promise<OpenDatabase> => copyOf("template0");

async function copyOf(template: string): Promise<OpenDatabase> {
  const { adminUrl } = inject("postgres");
  const name = `test_${randomBytes(6).toString("hex")}`;
  await withAdmin(adminUrl, (admin) => admin`create database ${admin(name)} template ${admin(template)}`);
  const url = new URL(adminUrl);
  url.pathname = name;
  const opened = openDatabase(url.href, { max: 5 });
  return {
    ...opened,
    close: async () => {
      await opened.close();
      await withAdmin(adminUrl, (admin) => admin`drop database if exists ${admin(name)} with (force)`);
    },
  };
}

async function withAdmin(url: string, run: (admin: postgres.Sql) => Promise<unknown>): Promise<void> {
  const admin = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await run(admin);
  } finally {
    await admin.end({ timeout: 5 });
  }
}
