import type { ParameterOrJSON, Sql, TransactionSql, UnsafeQueryOptions } from "postgres";
import { inOneGo } from "./one-statement.ts";
import { transact } from "./transactions.ts";

/** Statements of one text each that a connection keeps; those that come later are planned every time. */
const mostTexts = 500;
/** Lists of values are written out, one parameter each: so many that every length would be a text of its own. */
const mostParameters = 40;

/**
 * The same client, whose statements are prepared once for each connection: drizzle passes every one unnamed, which
 * takes two round trips and a plan each time. `?prepare=false` in the database's URL switches it off, for a pooler
 * that hands out another connection with every transaction. Its transactions are ours.
 * @param beginning what each transaction begins with, and each statement that is none's; null, or without one, nothing but
 *   `begin`
 */
export function prepareStatements(sql: Sql, beginning?: () => Promise<string | null> | null): Sql {
  const texts = new Set<string>();
  const isKept = (text: string, parameters: number): boolean => {
    if (parameters === 0 || parameters > mostParameters) return false;
    if (texts.size < mostTexts) texts.add(text);
    return texts.has(text);
  };
  const make = ((text: string, parameters: ParameterOrJSON<never>[] = [], options?: UnsafeQueryOptions) =>
    sql.unsafe(text, parameters, { ...options, prepare: isKept(text, parameters.length) })) as Sql["unsafe"];
  const own: Partial<Record<PropertyKey, unknown>> = {
    unsafe: (...asked: Parameters<typeof make>) => {
      const begin = beginning?.() ?? null;
      return begin === null ? make(...asked) : inOneGo(make, begin, ...asked);
    },
    begin: async (work: (inner: TransactionSql) => unknown) =>
      transact(make, work, (await beginning?.()) ?? undefined),
  };
  return new Proxy(sql, {
    get: (target, name) => own[name] ?? (Reflect.get(target, name) as unknown),
  });
}
