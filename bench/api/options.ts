import { parseArgs } from "node:util";
import { whole } from "../lib/options.ts";

export const usage =
  "  api [--rounds N] [--seconds N] [--threads N] [--workers N] [--images N] [--only predict,list] [--prof DIR]\n" +
  "          the server, a process of its own on a Postgres of its own, under an outside load of 1, 8 and 64 clients,\n" +
  "          beside the bare decoder; DIR takes a CPU profile of the server\n";

export interface ApiOptions {
  readonly json: boolean;
  readonly rounds: number;
  /** Seconds of each measurement. */
  readonly seconds: number;
  /** Threads of one decode. */
  readonly threads: number;
  /** That decode side by side. */
  readonly workers: number;
  /** Stored and embedded before. */
  readonly images: number;
  /** Names of loads; none: all. */
  readonly only: readonly string[];
  readonly prof: string | undefined;
}

/** Throws an Error that says which option is wrong. */
export function readOptions(args: readonly string[]): ApiOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: "boolean", default: false },
      rounds: { type: "string", default: "3" },
      seconds: { type: "string", default: "6" },
      threads: { type: "string", default: "2" },
      workers: { type: "string", default: "1" },
      images: { type: "string", default: "8" },
      only: { type: "string", default: "" },
      prof: { type: "string" },
    },
  });
  return {
    json: values.json,
    rounds: whole("rounds", values.rounds),
    seconds: whole("seconds", values.seconds),
    threads: whole("threads", values.threads),
    workers: whole("workers", values.workers),
    images: whole("images", values.images),
    only: values.only.split(",").filter((name) => name !== ""),
    prof: values.prof,
  };
}
