import type { RgbImage } from "../../imaging/types.ts";
import type { SampleImage } from "../data/samples.ts";
import type { Refine } from "../../domain/focus.ts";
import { writeHead } from "../../imaging/points/head.ts";
import { answersFor } from "../focus/settle-focus.ts";
import type { PreparedData } from "../data/prepare.ts";
import { sourceOf } from "../data/snapshot.ts";
import { pointSetsOf } from "../points/choose-head.ts";
import { fitHead } from "../points/fit-head.ts";
import { headSamples } from "../points/head-samples.ts";
import type { Run } from "../run.ts";
import type { Chosen } from "../search/choose.ts";
import type { NamedTensors } from "../../checkpoint/named-tensors.ts";

/**
 * The same way of sharpening masks, a point head trained once more: on the twin's answers to what was held out until now, too.
 * They are the twin's, as the answers of what has seen all images are better than any that callers will get.
 */
export async function refitHead(
  run: Run,
  {
    data,
    chosen,
    weights,
    refine,
  }: { data: PreparedData; chosen: Chosen; weights: NamedTensors; refine: Refine | null },
): Promise<Refine | null> {
  if (!refine || !("point_head" in refine)) return refine;
  const { services, signal, seed } = run;
  const { most_points: mostPoints, most_pixels: mostPixels, score_shift: scoreShift } = refine.point_head;
  const fresh = [...new Set([...data.selection, ...data.heldOut])];
  const samples = headSamples({ ...data, selection: fresh }, chosen.zoom);
  const answers = await answersFor(run, { weights, chosen, samples });
  const bounds = { ...(mostPoints !== undefined && { mostPoints }), mostPixels };
  const pixelsOf = (image: SampleImage): Promise<RgbImage> =>
    services.inference.pixels(sourceOf(services.store, image));
  const sets = await pointSetsOf(answers, { pixelsOf, mostPixels, seed, signal });
  if (sets.size === 0) return refine;
  return writeHead(await fitHead([...sets.values()], { seed, signal }), { scoreShift, ...bounds });
}
