import type { Random } from "../../src/lib/random.ts";
import type { World } from "./world.ts";

export const kinds = ["kill", "pause", "storm", "end", "object", "room"] as const;
export type Kind = (typeof kinds)[number];

/** What a round came to. */
export interface Told {
  /** In words: where the fault met the work. */
  readonly told: string;
  readonly faults: readonly string[];
  /** Seconds from the fault to the first answer of the API, or to the end of all processes; null where nothing was down. */
  readonly seconds: number | null;
}

export interface Row {
  readonly kind: Kind;
  readonly name: string;
  /** Breaks something once. `random` alone decides when; `open` gives the world that rounds share. */
  run(open: () => Promise<World>, random: Random): Promise<Told>;
}

/** Where this machine can't make the fault, it says why. */
export class Skip extends Error {}
