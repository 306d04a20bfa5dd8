import { z } from "@hono/zod-openapi";
import type { Page, PageRequest, Place } from "../../db/queries/page.ts";
import { AppError } from "../../lib/errors.ts";
import { idText } from "./scope.ts";

export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20).openapi({ description: "Rows per page." }),
  cursor: z
    .string()
    .optional()
    .openapi({ description: "The `next_cursor` of the previous page, an opaque string." }),
});

/** What a page's texts take, from the database to the bytes that are sent. */
export const copiesOfText = 5;

/** The schema of one page of `item`. */
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({
    object: z.literal("list"),
    data: z.array(item),
    has_more: z.boolean(),
    next_cursor: z.string().nullable(),
  });

/** As `pageBody` writes it. Other times that JSON can hold, the year 0, the database can't. */
const moment = z.iso.datetime({ precision: 3 }).regex(/^[1-9]/);
const place = z.tuple([moment, idText()]);

const encodeCursor = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Throws AppError invalid_request when the cursor is none of ours. */
export function decodeCursor<Schema extends z.ZodType>(schema: Schema, cursor: string): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch {
    value = undefined;
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new AppError("invalid_request", "cursor: not one that this API gave.", { param: "cursor" });
}

/** What the query asks for, as db/queries take it. */
export function pageRequest(query: z.output<typeof pageQuery>): PageRequest {
  if (query.cursor === undefined) return { limit: query.limit };
  return { limit: query.limit, after: placeOfCursor(query.cursor) };
}

/** The place that a cursor names. Throws AppError invalid_request when it is none of ours. */
export function placeOfCursor(cursor: string): Place {
  const [createdAt, id] = decodeCursor(place, cursor);
  return { createdAt: new Date(createdAt), id };
}

/** The cursor of a row, behind which to go on. */
export const cursorOf = ({ createdAt, id }: Place): string => encodeCursor([createdAt.toISOString(), id]);

/** One page as it is sent; `pageRequest` reads its cursor. */
export const pageBody = <Row extends { createdAt: Date; id: string }, Item>(
  page: Page<Row>,
  toItem: (row: Row) => Item,
) => pageBodyBy(page, toItem, ({ createdAt, id }) => [createdAt.toISOString(), id]);

/** The same for rows with another order; `placeOf` is what `decodeCursor` gives back. */
export function pageBodyBy<Row, Item>(
  page: Page<Row>,
  toItem: (row: Row) => Item,
  placeOf: (last: Row) => unknown,
) {
  const last = page.rows.at(-1);
  return {
    object: "list" as const,
    data: page.rows.map(toItem),
    has_more: page.hasMore,
    next_cursor: page.hasMore && last ? encodeCursor(placeOf(last)) : null,
  };
}
