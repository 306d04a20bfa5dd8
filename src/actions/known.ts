import { LRUCache } from "lru-cache";
import type { Image } from "../db/queries/images.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import type { VersionRef } from "../inference/types.ts";

/**
 * What this process has read of rows that never change, by project and id: it may be gone by now, so whoever takes
 * something from here has the database asked for it all the same, at the latest before the answer. A version goes only
 * with its project, which every request looks up.
 */
export interface Known {
  readonly images: LRUCache<string, Pick<Image, "id" | "sha256" | "objectKey" | "width" | "height">>;
  readonly versions: LRUCache<string, VersionRef>;
}

export const createKnown = (): Known => ({
  images: new LRUCache({ max: 10_000 }),
  versions: new LRUCache({ max: 1000 }),
});

export const knownAs = ({ workspaceId, projectId }: ProjectScope, id: string | number): string =>
  [workspaceId, projectId, id].join("/");
