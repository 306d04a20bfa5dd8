import type { ParameterOrJSON, Sql, TransactionSql, UnsafeQueryOptions } from "postgres";
import { transact } from "./transactions.ts";

/** Statements of one text each that a connection keeps; those that come later are planned every time. */
const mostTexts = 500;
/** Lists of values are written out, one parameter each: so many that every length would be a text of its own. */
const mostParameters = 40;

/**
 * The same client, whose statements are prepared once for each connection: drizzle passes every one unnamed, which
 * takes two round trips and a plan each time. `?prepare=false` in the database's URL switches it off, for a pooler
 * that hands out another connection with every transaction. Its transactions are ours.
 */
export function prepareStatements(sql: Sql): Sql {
  const texts = new Set<string>();
  const isKept = (text: string, parameters: number): boolean => {
    if (parameters === 0 || parameters > mostParameters) return false;
    if (texts.size < mostTexts) texts.add(text);
    return texts.has(text);
  };
  const unsafe = (text: string, parameters: ParameterOrJSON<never>[] = [], options?: UnsafeQueryOptions) =>
    sql.unsafe(text, parameters, { ...options, prepare: isKept(text, parameters.length) });
  const own: Partial<Record<PropertyKey, unknown>> = {
    unsafe,
    begin: (work: (inner: TransactionSql) => unknown) => transact(unsafe as Sql["unsafe"], work),
  };
  return new Proxy(sql, {
    get: (target, name) => own[name] ?? (Reflect.get(target, name) as unknown),
  });
}
