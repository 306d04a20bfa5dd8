import type { Maskwright } from "../client/index.ts";
import type { CliEnvironment } from "./login.ts";
import type { Streams } from "./screen.ts";

export interface Call {
  /** What stands behind the command's name. */
  readonly args: readonly string[];
  /** Whether a script reads the answer: then progress stays silent. */
  readonly json: boolean;
  readonly env: CliEnvironment;
  readonly streams: Streams;
  /** The API as the caller is logged in. */
  readonly api: () => Promise<Maskwright>;
}

/** What a command has to say: `text` for people, `data`, as the API gave it, for `--json`. */
export interface Answer {
  readonly text: string;
  readonly data: unknown;
}

export type Command = (call: Call) => Promise<Answer>;
