import { answerTask } from "../decoder/answer-task.ts";
import { decodePoints, type PointsResult, type PointsTask } from "../everything/decode-points.ts";
import { type SuppressTask, suppress } from "../everything/suppress.ts";
import { type WriteTask, writeMasks, type WrittenMask } from "../everything/write-masks.ts";
import {
  likenesses,
  type LikenessTask,
  type LikeResult,
  type LikeTask,
  lookForLike,
} from "../find/like-task.ts";
import { askPeaks, type PeaksResult, type PeaksTask } from "../find/peaks-task.ts";
import { type Region, regionOf, type RegionTask } from "../find/region.ts";
import { type TwinsTask, withoutTwins } from "../find/twins.ts";
import type { ImageEmbedding } from "../types.ts";
import { channelsFirst } from "../embedding/channels-first.ts";
import { type Outcome, settle } from "../../lib/outcome.ts";
import type { ViewResult, ViewTask } from "../decoder/view-task.ts";

/** Prompts to masks with one version. */
export const answer = (task: ViewTask): Promise<Outcome<ViewResult>> => settle(() => answerTask(task));

/** The steps of segment-everything, which share this worker's threads and sessions. */
export const points = (task: PointsTask): Promise<Outcome<PointsResult>> => settle(() => decodePoints(task));
export const boxes = (task: SuppressTask): Promise<Outcome<number[]>> => settle(async () => suppress(task));
export const masks = (task: WriteTask): Promise<Outcome<WrittenMask[]>> => settle(() => writeMasks(task));

/** The steps of finding. */
export const peaks = (task: PeaksTask): Promise<Outcome<PeaksResult>> => settle(() => askPeaks(task));
export const twins = (task: TwinsTask): Promise<Outcome<number[]>> => settle(async () => withoutTwins(task));
export const region = (task: RegionTask): Promise<Outcome<Region>> => settle(async () => regionOf(task));
export const like = (task: LikeTask): Promise<Outcome<LikeResult>> => settle(async () => lookForLike(task));
export const likeness = (task: LikenessTask): Promise<Outcome<number[]>> =>
  settle(async () => likenesses(task));

/** Four megabytes an image, 16 of SAM 2: a dozen at once would hold a server's own thread. */
export const toChannelsFirst = ({
  data,
  family,
}: Pick<ImageEmbedding, "data" | "family">): Promise<Outcome<Uint8Array<ArrayBuffer>>> =>
  settle(async () => channelsFirst(data, family));
