import { resolve } from "node:path";
import { parseArgs } from "node:util";

export const usage =
  "  parity PEERS DATA [STAGE ...]\n" +
  "          every part of SAM against what peers/parity.py wrote into the folder PEERS from the data in DATA; writes\n" +
  "          docs/parity.md\n";

export interface PartsOptions {
  readonly peers: string;
  readonly data: string;
  /** Stages of peers/parity.py; none: all that it wrote. */
  readonly stages: readonly string[];
}

/** Throws an Error that says which option is wrong. */
export function readOptions(args: readonly string[]): PartsOptions {
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true });
  const [peers, data, ...stages] = positionals;
  if (peers === undefined || data === undefined) throw new Error("PEERS and DATA are missing");
  return { peers: resolve(peers), data: resolve(data), stages };
}
