export interface Local {
  readonly url: string;
  /** Null when the database's key was made elsewhere. */
  readonly key: string | null;
  readonly dataDir: string;
  readonly database: "embedded" | "given";
  /** Stops everything, the last started first and Postgres last; running jobs go back to the queue. */
  stop(): Promise<void>;
}
