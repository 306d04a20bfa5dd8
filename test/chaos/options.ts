import { parseArgs } from "node:util";

export const usage = `usage: npm run test:chaos -- [--rounds N] [--seed S] [--only TEXT] [--list] [--json] [--write]
  Breaks a service on this machine in the middle of what it does, and looks whether anything was lost, doubled or
  half made; see docs/reliability.md. Ends with 1 where a round has a fault.
  --rounds N   rounds in all, one row after the other and round again (each row once)
  --seed S     when in a round something breaks; the same seed and rows break at the same moments (1)
  --only TEXT  rows whose kind or name has TEXT in it; several are parted by commas
  --list       the rows' names          --json       one object a round
  --write      puts what comes out into the table of docs/reliability.md, where all other rows stay as they are
`;

export interface Options {
  /** Null: each row once. */
  readonly rounds: number | null;
  readonly seed: number;
  readonly only: readonly string[];
  readonly list: boolean;
  readonly json: boolean;
  readonly write: boolean;
}

/** Null where the arguments are none of ours. */
export function readOptions(args: string[]): Options | null {
  const flag = { type: "boolean", default: false } as const;
  try {
    const { values } = parseArgs({
      args,
      options: {
        rounds: { type: "string" },
        seed: { type: "string", default: "1" },
        only: { type: "string", default: "" },
        list: flag,
        json: flag,
        write: flag,
      },
    });
    const rounds = values.rounds === undefined ? null : Number(values.rounds);
    const seed = Number(values.seed);
    if (!Number.isSafeInteger(seed) || (rounds !== null && !(Number.isSafeInteger(rounds) && rounds > 0)))
      return null;
    return { ...values, rounds, seed, only: values.only.split(",").filter((part) => part !== "") };
  } catch {
    return null;
  }
}
