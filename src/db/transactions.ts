import type { PendingQuery, Row, Sql, TransactionSql, UnsafeQueryOptions } from "postgres";

/**
 * Transactions on a pool of postgres.js 3.4.9. Its own `begin` goes on with a connection that has closed under it: it
 * sends the rollback to a socket that is gone, from where nobody can catch it, and the process ends (issues 1154 and
 * 1208 of porsager/postgres); and statements that come late run by themselves, outside any transaction, once the
 * connection is open again. Here a transaction ends with its connection, and nothing of it is sent after that.
 */

/** What postgres.js keeps of a connection, as far as a transaction needs it. */
export interface Connection {
  /** Sends a query. */
  execute(query: Query): unknown;
  /** Called when a query is done within a transaction; the pool takes the connection back after its end. */
  reserved: (() => void) | null;
  /** Called when it has closed, before anybody learns of it. */
  onclose: ((error: unknown) => void) | null;
}

/** A query that is on its way from the moment somebody waits for it. */
export interface Query extends PendingQuery<Row[]> {
  handler: (query: Query) => void;
  /** Set once it is put together: whether Postgres is asked for its types before it is sent. */
  describeFirst?: unknown;
  resolve: (result: unknown) => void;
  reject(error: unknown): void;
}

type Make = Sql["unsafe"];
type Work = (inner: TransactionSql) => unknown;

/** One connection, for as long as its transaction lasts: a query at a time, in their order. */
class Held {
  readonly closed = Promise.withResolvers<never>();
  #connection: Connection | null = null;
  readonly #waiting: Query[] = [];
  #idle = false;
  #over: { error: unknown } | null = null;

  constructor() {
    // What runs in the transaction learns of it by its queries.
    this.closed.promise.catch(() => {});
  }

  get isHeld(): boolean {
    return this.#connection !== null;
  }

  take(connection: Connection): void {
    this.#connection = connection;
    const hooks: Pick<Connection, "reserved" | "onclose"> = {
      reserved: () => this.#next(),
      onclose: (error) => {
        this.end(error);
        this.closed.reject(error);
      },
    };
    Object.assign(connection, hooks);
  }

  /** Refuses what comes from now on. */
  end(error: unknown): void {
    this.#over ??= { error };
    for (const query of this.#waiting.splice(0)) query.reject(error);
  }

  run(query: Query): void {
    if (this.#over) query.reject(this.#over.error);
    else {
      this.#waiting.push(query);
      if (this.#idle) this.#next();
    }
  }

  #next(): void {
    const query = this.#waiting.shift();
    this.#idle = query === undefined;
    if (query) this.#connection?.execute(query);
  }
}

/**
 * Runs `work` in a transaction. Rejects with its error after a rollback, or as soon as the connection has closed.
 * @param begin opens it: a few statements without parameters
 */
export async function transact(make: Make, work: Work, begin = "begin"): Promise<unknown> {
  const held = new Held();
  const take = { onexecute: (connection: Connection) => held.take(connection) };
  try {
    await make(begin, [], take as UnsafeQueryOptions);
  } catch (error) {
    // What is begun and refused in a later statement holds the connection.
    if (held.isHeld) await send(held, make("rollback")).catch(() => {});
    held.end(error);
    throw error;
  }
  return Promise.race([within(held, make, work), held.closed.promise]);
}

/** A query of its own on the connection that is held. */
function send(held: Held, query: unknown): Query {
  const one = query as Query;
  one.handler = () => held.run(one);
  return one;
}

let savepoints = 0;

/** A transaction, or a savepoint in it by its name. */
async function within(held: Held, make: Make, work: Work, savepoint?: string): Promise<unknown> {
  const failures: { error: unknown }[] = [];
  const unsafe = (...asked: Parameters<Make>): Query => {
    const query = make(...asked) as unknown as Query;
    query.handler = (one) => {
      // Postgres refuses all that follows, so whoever has caught the error must not believe in a commit.
      one.catch((error: unknown) => failures.push({ error }));
      held.run(one);
    };
    return query;
  };
  const nested = (inner: Work): Promise<unknown> => within(held, make, inner, `s${savepoints++}`);
  if (savepoint !== undefined) await unsafe(`savepoint ${savepoint}`);
  let result: unknown;
  try {
    result = await work({ unsafe, savepoint: nested } as unknown as TransactionSql);
    if (failures.length > 0) throw failures[0]?.error;
  } catch (error) {
    const [first] = failures;
    // Where the connection is gone, so is the transaction.
    await unsafe(savepoint === undefined ? "rollback" : `rollback to ${savepoint}`).catch(() => {});
    if (savepoint === undefined) held.end(error);
    throw isAborted(error) && first ? first.error : error;
  }
  if (savepoint === undefined) {
    try {
      const { command } = (await unsafe("commit")) as { command?: string };
      // An aborted transaction takes a commit for a rollback, without an error.
      if (command !== "COMMIT")
        throw failures[0]?.error ?? new Error("Postgres has rolled back what a query broke");
    } finally {
      held.end(new Error("the transaction is over"));
    }
  }
  return result;
}

/** What Postgres says to all that follows an error. */
const isAborted = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === "25P02";
