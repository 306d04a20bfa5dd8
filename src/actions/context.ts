import type { Services } from "../services.ts";
import type { Known } from "./known.ts";
import type { Metrics } from "./metrics.ts";
import type { RecentMasks } from "./recent-masks.ts";

/** What a use case is given: the process's services, this app's counters, and what it has kept of its last answers. */
export interface ActionContext extends Services {
  readonly metrics: Metrics;
  /** Masks of the last answers, for prompts that refer to one. */
  readonly recentMasks: RecentMasks;
  readonly known: Known;
}
