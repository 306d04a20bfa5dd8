import { type PgColumn, type SQL, sql } from "../drizzle.ts";

/** Where the last page ended: times repeat, ids don't, so the pair is a place in the order. */
export interface Place {
  readonly createdAt: Date;
  readonly id: string;
}

/** Newest first, `limit` rows that come after `after`. */
export interface PageRequest {
  readonly limit: number;
  readonly after?: Place | undefined;
}

export interface Page<Row> {
  readonly rows: Row[];
  readonly hasMore: boolean;
}

/** The rows behind a place; one row comparison, which the (created_at, id) indexes serve. */
export function behind(
  table: { createdAt: PgColumn; id: PgColumn },
  place: Place | undefined,
): SQL | undefined {
  if (!place) return undefined;
  return sql`(${table.createdAt}, ${table.id}) < (${place.createdAt.toISOString()}::timestamptz, ${place.id})`;
}

/** Queries ask for one row more than the page holds; that row tells whether there is another page. */
export function cut<Row>(rows: Row[], limit: number): Page<Row> {
  return { rows: rows.slice(0, limit), hasMore: rows.length > limit };
}
