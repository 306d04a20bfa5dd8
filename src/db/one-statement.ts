import type { Sql, UnsafeQueryOptions } from "postgres";
import type { Connection, Query } from "./transactions.ts";

type Make = Sql["unsafe"];

/** Postgres counts them in 16 bits. */
const mostParameters = 65_534;

/**
 * A statement of postgres.js 3.4.9 that has a transaction of its own, sent in one go with its beginning and its end: no
 * round trip more, and nothing that `begin` sets is left on the connection. It resolves once it is committed.
 * @param begin opens the transaction, a few statements without parameters; null sends the statement by itself. Rejected,
 *   the statement is.
 */
export function inOneGo(make: Make, begin: Promise<string | null>, ...asked: Parameters<Make>): Query {
  const query = make(...asked) as unknown as Query;
  const toPool = query.handler;
  query.handler = (one) => {
    // What can't be written fails before it is sent: behind another query, postgres.js would wait for its answer.
    const [, parameters = []] = asked;
    if (parameters.length >= mostParameters || parameters.includes(undefined as never)) return toPool(one);
    begin
      .then((text) => (text === null ? toPool(one) : send(make, text, one)))
      .catch((error: unknown) => one.reject(error));
  };
  return query;
}

function send(make: Make, text: string, one: Query): void {
  const commit = make("commit") as unknown as Query;
  // Sent below, on the statement's own connection.
  commit.handler = () => {};
  commit.catch(() => {});
  const { resolve } = one;
  one.resolve = (result) => {
    // What is checked at the end, as what a trigger adds up there, may refuse it still.
    commit.then(
      () => resolve(result),
      (error: unknown) => one.reject(error),
    );
  };
  const take = {
    onexecute: (connection: Connection) => {
      const end = (): void => void connection.execute(commit);
      // Keeps others off the connection until the transaction is over.
      connection.reserved = end;
      connection.execute(one);
      // One that has yet to be described is sent in two parts, and nothing may come between them.
      if (one.describeFirst) return;
      connection.reserved = () => {};
      end();
    },
  };
  make(text, [], take as UnsafeQueryOptions).catch((error: unknown) => one.reject(error));
}
