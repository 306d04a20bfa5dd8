import { LRUCache } from "lru-cache";
import type { LogitsMask } from "../imaging/types.ts";

/** Low-res logits of this process's last interactive answers, 350 kB of text each; what is not here is made again. */
export type RecentMasks = LRUCache<string, LogitsMask>;
export const createRecentMasks = (): RecentMasks => new LRUCache({ max: 128 });
