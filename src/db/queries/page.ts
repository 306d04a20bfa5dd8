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

/** Bytes at most of the masks of one page, as text. A page has at least one, whatever its size. */
export const maxPageBytes = 4 * 1024 * 1024;

/** What a page will hold, known before any of its masks is read. */
export interface PlannedPage {
  readonly ids: readonly string[];
  /** Bytes of their masks, as text. */
  readonly bytes: number;
  readonly hasMore: boolean;
}

/** The first rows of a page, as many as `limit` or as few as have `maxPageBytes` of masks. */
export function cutByBytes(
  rows: readonly { readonly id: string; readonly bytes: number }[],
  limit: number,
): PlannedPage {
  let bytes = 0;
  const ids: string[] = [];
  for (const row of rows.slice(0, limit)) {
    if (ids.length > 0 && bytes + row.bytes > maxPageBytes) break;
    bytes += row.bytes;
    ids.push(row.id);
  }
  return { ids, bytes, hasMore: rows.length > ids.length };
}

/** Queries ask for one row more than the page holds; that row tells whether there is another page. */
export function cut<Row>(rows: Row[], limit: number): Page<Row> {
  return { rows: rows.slice(0, limit), hasMore: rows.length > limit };
}
