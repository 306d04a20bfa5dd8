import { rankImages, type Ranked, type RankTask } from "../../imaging/worth/rank-images.ts";
import { type Outcome, settle } from "../../lib/outcome.ts";

/** Thousands of images take seconds. */
export const rank = (task: RankTask): Promise<Outcome<Ranked[]>> => settle(async () => rankImages(task));
