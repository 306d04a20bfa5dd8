import { parseArgs } from "node:util";

export const usage = `usage: npm run test:abuse -- [--only TEXT] [--single | --eight] [--continue]
                             [--json] [--list] [--data DIR] [--write]
  Sends a service on this machine what no client should send, one request at a time and eight at once, with a
  fine-tune running, and tells what became of it; see docs/reliability.md. Ends with 1 where a row has a fault.
  --only TEXT  rows whose kind or name has TEXT in it; several are parted by commas
  --continue   leaves out what docs/reliability.md tells as clean: what has a fault, and what has not run yet, runs
  --single     one at a time only        --eight   eight at once only
  --json       one object a run          --list    the rows' names
  --data DIR   keeps the data folder that is filled first in DIR, and takes it from there the next time
  --write      puts what comes out into the tables of docs/reliability.md, where all other rows stay as they are
`;

export interface Options {
  readonly only: readonly string[];
  readonly single: boolean;
  readonly eight: boolean;
  readonly continue: boolean;
  readonly json: boolean;
  readonly write: boolean;
  readonly data: string | undefined;
  readonly list: boolean;
}

/** Null where the arguments are none of ours. */
export function readOptions(args: string[]): Options | null {
  const flag = { type: "boolean", default: false } as const;
  try {
    const { values } = parseArgs({
      args,
      options: {
        only: { type: "string", default: "" },
        single: flag,
        eight: flag,
        continue: flag,
        json: flag,
        write: flag,
        data: { type: "string" },
        list: flag,
      },
    });
    const only = values.only.split(",").filter((part) => part !== "");
    return { ...values, data: values.data, only };
  } catch {
    return null;
  }
}
