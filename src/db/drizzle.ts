/**
 * What we use of Drizzle, loaded as CommonJS. Node 22 reads a package's package.json for each ES module in it, and
 * Drizzle's is 179 kB: that took a second of processor time in every process, and .2 s as CommonJS.
 */
import { createRequire } from "node:module";
import type * as Orm from "drizzle-orm";
import type * as Pg from "drizzle-orm/pg-core";
import type * as Client from "drizzle-orm/postgres-js";
import type * as Migrator from "drizzle-orm/postgres-js/migrator";

// Where drizzle-kit loads the schema there is no import.meta.
const load = createRequire(import.meta.filename ?? __filename);
const orm = load("drizzle-orm") as typeof Orm;
const pg = load("drizzle-orm/pg-core") as typeof Pg;
const client = load("drizzle-orm/postgres-js") as typeof Client;
const migrator = load("drizzle-orm/postgres-js/migrator") as typeof Migrator;

export type { Placeholder, SQL } from "drizzle-orm";
export type { PgColumn, PgDatabase } from "drizzle-orm/pg-core";
export type { PostgresJsDatabase, PostgresJsQueryResultHKT } from "drizzle-orm/postgres-js";

export const {
  and,
  asc,
  count,
  countDistinct,
  desc,
  eq,
  exists,
  getTableColumns,
  getTableName,
  gt,
  inArray,
  is,
  isNotNull,
  isNull,
  lt,
  max,
  ne,
  not,
  notExists,
  notInArray,
  or,
  sql,
} = orm;
export const {
  PgTable,
  bigint,
  bigserial,
  boolean,
  check,
  customType,
  date,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  real,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} = pg;
export const { drizzle } = client;
export const { migrate } = migrator;
