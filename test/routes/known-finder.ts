import type { Finder } from "../../src/domain/finder.ts";
import { boxIou } from "../../src/imaging/geometry.ts";
import type { Box } from "../../src/imaging/types.ts";
import type { FindRequest, FindResult, Named, NameRequest } from "../../src/inference/find/types.ts";
import { asRegion, regionOf } from "../../src/inference/find/region.ts";
import type { Inference } from "../../src/inference/inference.ts";

/** A finder whose peaks are known beforehand, in the place of a network's; all behind them is real. */

/** The first object that it sees. */
export const disc: Box = [35, 20, 85, 70];
/** What the finder sees on every image; masks are the decoder's own. */
const seen: readonly { box: Box; label: string | null; score: number }[] = [
  { box: disc, label: "stamp", score: 0.9 },
  { box: [2, 2, 30, 30], label: "stamp", score: 0.6 },
  { box: [90, 60, 118, 88], label: "Seal", score: 0.8 },
  { box: [5, 60, 25, 85], label: null, score: 0.3 },
];
export const finder = (labels: readonly (string | null)[]): Finder => ({
  key: "none",
  sha256: "none",
  bytes: 1,
  labels,
  pool: 1,
  threshold: 0.25,
  calibration: { slope: 1, offset: 0 },
});

/** @param predict makes the masks */
export const findWith =
  (predict: Inference["predict"]) =>
  async (request: FindRequest): Promise<FindResult> => {
    const inside = ([x0, y0, x1, y1]: Box, [a, b, c, d]: Box): boolean =>
      (x0 + x1) / 2 >= a && (y0 + y1) / 2 >= b && (x0 + x1) / 2 < c && (y0 + y1) / 2 < d;
    const { asks, versions, most, threshold, names, ...rest } = request;
    const wanted = versions.map((version) =>
      asks.map(({ labels = version.finder.labels, region, exclude = [] }) =>
        seen
          .filter(({ label }) => labels.some((one) => one?.toLowerCase() === label?.toLowerCase()))
          .filter(({ score }) => score >= (threshold ?? version.finder.threshold))
          .filter(({ box }) => (!region || inside(box, region)) && !exclude.some((out) => inside(box, out))),
      ),
    );
    const results = await Promise.all(
      versions.map(async (version, v) => {
        const taken = (wanted[v] ?? []).map((all) =>
          all.toSorted((a, b) => b.score - a.score).slice(0, most),
        );
        const prompts = taken.flat().map(({ box }) => ({ box }));
        const answer = await predict({
          ...rest,
          versions: [version],
          prompts,
          multimask: false,
        });
        const masks = (answer.results[0]?.predictions ?? []).map((one) => one.masks[0]!).values();
        const found = taken.map((objects) =>
          objects.map(({ box, label, score }) => ({
            ...masks.next().value!,
            label,
            labelScore: score,
            prompt: box,
          })),
        );
        const region = async (task: Parameters<typeof regionOf>[0]) => regionOf(task);
        return {
          ...(names && { names: namesOf(names[v] ?? []) }),
          version: version.number,
          asks: await Promise.all(
            found.map(async (objects, a) => ({
              objects: asks[a]?.asRegion ? [await asRegion({ region }, objects)] : objects,
              left: (wanted[v]?.[a]?.length ?? 0) - objects.length,
            })),
          ),
        };
      }),
    );
    const timingMs = { queue: 0, embed: 1, decode: 2, encode: 1, total: 4 };
    return { width: 120, height: 90, results, embeddingFrom: "memory", timingMs };
  };

/** The same for the names of masks. */
export const name = async ({ boxes }: NameRequest): Promise<(Named | null)[]> => namesOf(boxes);

function namesOf(boxes: readonly Box[]): (Named | null)[] {
  return boxes.map((box) => {
    const [best] = seen.toSorted((a, b) => boxIou(b.box, box) - boxIou(a.box, box));
    return best && boxIou(best.box, box) > 0.3 ? { label: best.label, labelScore: best.score } : null;
  });
}
