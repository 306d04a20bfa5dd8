import type { Executor } from "./client.ts";

/** What a database's `prepare` gives: to be run with a value for each placeholder. */
interface Prebuilt<Row> {
  execute(values: Record<string, unknown>): Promise<Row>;
}

/**
 * A statement whose text is put together once for each database and not on every call, which takes longer than sending
 * it. For the few that every request asks; `build` ends with `.prepare(NAME)` and has placeholders.
 */
export function prebuilt<Row>(
  build: (db: Executor) => Prebuilt<Row>,
): (db: Executor, values: Record<string, unknown>) => Promise<Row> {
  const known = new WeakMap<Executor, Prebuilt<Row>>();
  return (db, values) => {
    const statement = known.get(db) ?? build(db);
    known.set(db, statement);
    return statement.execute(values);
  };
}
