import type { ActionContext } from "../../actions/context.ts";
import type { Project } from "../../db/queries/projects.ts";
import type { KeyScope } from "../../db/schema/index.ts";
import type { Log } from "../../lib/log.ts";
import type { Services } from "../../services.ts";

/** Who asks: every query of a handler takes the workspace from here. */
export interface Caller {
  readonly workspaceId: string;
  readonly keyId: string;
  readonly scopes: readonly KeyScope[];
}

export interface Env {
  Variables: {
    requestId: string;
    log: Log;
    /** What bodies are read with. */
    reading: Pick<Services, "memory" | "json" | "config">;
    /** Bytes that this body may have, and one that names its image and sends none; see limitBody. */
    bodyLimit: { readonly bytes: number; readonly naming: number | undefined };
    caller: Caller;
    /** The project of the path, read together with the key; null where the caller has no such one. See `projectOf`. */
    project: Project | null;
  };
}

/** What a route file is given: what use cases are, and how event streams behave. */
export interface RouteContext extends ActionContext {
  /** Notifications are hints: an open event stream looks into the table this often without any, too. */
  readonly eventPollMs: number;
  /** An event stream ends after so long; its client takes it up again. */
  readonly eventStreamMs: number;
}
