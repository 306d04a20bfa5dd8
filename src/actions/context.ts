import type { Project } from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
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

/** Who asks, of which project. */
export interface Ask {
  readonly scope: ProjectScope;
  readonly project: Project;
  /** The id of the key. */
  readonly actor: string;
  /** Aborts when the caller has gone. */
  readonly signal: AbortSignal;
}
