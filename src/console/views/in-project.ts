import type { Project } from "../api/types.ts";

/** A project's pages know it, and load it again when they change what is live. */
export interface InProject {
  readonly project: Project;
  readonly reload: () => void;
}
