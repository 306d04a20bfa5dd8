import { LRUCache } from "lru-cache";
import type { InferenceSession, Tensor } from "../../lib/onnxruntime.ts";
import ort from "../../lib/onnxruntime.ts";
import { choosePoints } from "../../imaging/points/choose-points.ts";
import { headParts, readHead } from "../../imaging/points/head.ts";
import type { Box, RgbImage, Size } from "../../imaging/types.ts";
import type { PointHeadSettings, Refine } from "../../domain/focus.ts";
import { readRefineGraphs, type RefineKind } from "../../graphs/files.ts";
import { float32, sessionOf } from "../workers/session.ts";

/** What is refined: a part of an image at the scale that is worked at. */
export interface RefineTask {
  /** Row-major [height, width]; above 0 is foreground. */
  readonly logits: Float32Array;
  readonly size: Size;
  /** The image below them, of the same size. */
  readonly guide: RgbImage;
  /** That of the prompt in pixels of the area, null where it had none. */
  readonly box: Box | null;
  readonly refine: Refine;
}

/**
 * Logits of the area, row-major [height, width], refined by the image below them: see model/refine. A point head leaves
 * pixels as they are that it does not judge (choosePoints). Throws an Error where the head's weights are not those of a head,
 * or where the logits do not fit the guide.
 */
export async function refineArea(task: RefineTask): Promise<Float32Array> {
  const { logits, box, refine } = task;
  const area = areaFeeds(task);
  if ("point_head" in refine) {
    const head = headTensors(refine);
    const points = choosePoints(logits, refine.point_head.most_points);
    if (points.length === 0) return logits;
    const judged = await run("judgedPoints", { ...area, ...pointFeeds(points, box), ...head });
    const refined = Float32Array.from(logits);
    for (let i = 0; i < points.length; i++) refined[points[i] as number] = judged[i] as number;
    return refined;
  }
  const { radius, epsilon, threshold } = refine;
  const settings = { radius: row([radius]), epsilon: row([epsilon]), threshold: row([threshold]) };
  return run("guidedFilter", { ...area, ...settings });
}

/**
 * What a point head knows of the pixels at `points`, at least one, row-major indexes: [points, pointFeatureCount],
 * row-major. Throws an Error where the logits do not fit the guide.
 */
export const pointFeatures = async (
  task: Omit<RefineTask, "refine">,
  points: Int32Array,
): Promise<Float32Array> => run("pointFeatures", { ...areaFeeds(task), ...pointFeeds(points, task.box) });

function areaFeeds({ logits, size, guide }: Omit<RefineTask, "refine">): Record<string, Tensor> {
  const [height, width] = size;
  if (logits.length !== height * width || guide.width !== width || guide.height !== height)
    throw new Error(`${logits.length} logits do not fit a guide of ${guide.width} x ${guide.height}`);
  return { logits: float32(logits, size), guide: new ort.Tensor("uint8", guide.data, [height, width, 3]) };
}

const pointFeeds = (points: Int32Array, box: Box | null): Record<string, Tensor> => ({
  box: row(box ?? [0, 0, 0, 0]),
  has_box: row([box ? 1 : 0]),
  points: new ort.Tensor("int32", points, [points.length]),
});

const row = (values: readonly number[]): Tensor => float32(Float32Array.from(values), [values.length]);

let graphs: Readonly<Record<RefineKind, string>> | undefined;

/**
 * On one thread: hundreds of small operations wait longer for a second one than it spares them (9.3 ms a head on one, 17.7
 * on two).
 */
async function run(kind: RefineKind, feeds: InferenceSession.FeedsType): Promise<Float32Array> {
  graphs ??= readRefineGraphs();
  const session = await sessionOf(graphs[kind], 1);
  const [only] = Object.values(await session.run(feeds));
  return only?.data as Float32Array;
}

/** Heads of the versions that were asked last, some 5 KB each. */
const heads = new LRUCache<string, Record<string, Tensor>>({ max: 256 });

function headTensors(settings: PointHeadSettings): Record<string, Tensor> {
  const { weights, hidden } = settings.point_head;
  const key = `${hidden} ${weights}`;
  const kept = heads.get(key);
  if (kept) return kept;
  const head = readHead(settings);
  const tensors = Object.fromEntries(
    headParts(hidden).map(([part]) => {
      const values = head[part];
      const matrix = part === "w1" || part === "w2";
      return [part, float32(values, matrix ? [values.length / hidden, hidden] : [values.length])];
    }),
  );
  heads.set(key, tensors);
  return tensors;
}
