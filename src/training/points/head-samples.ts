import type { Zoom } from "../../domain/focus.ts";
import { inTurns } from "../evaluation/evaluation.ts";
import { regionNames, seenRegions } from "../focus/parts.ts";
import type { PreparedData } from "../data/prepare.ts";
import type { Sample } from "../data/samples.ts";

/** A head is trained on, and judged by, so many samples, and so many of them may be such that choose. */
const [most, mostFresh] = [400, 100];
/** Pixels of all windows together, all of which are looked at twice; and samples whatever their size. */
const [mostPixels, fewest] = [40e6, 24];

/**
 * Those that choose, which the decoder was not trained on, and those that train, with others of their images whose windows
 * have been encoded for these anyway; some of every group.
 */
export function headSamples(
  { selection, train, nearby, groupOf }: Pick<PreparedData, "selection" | "train" | "nearby" | "groupOf">,
  zoom: Zoom | null,
): Sample[] {
  const encoded = new Set(train.flatMap((sample) => regionNames(sample, zoom)));
  const free = nearby.filter((sample) => regionNames(sample, zoom).every((name) => encoded.has(name)));
  const fresh = inTurns(selection, groupOf).slice(0, mostFresh);
  const order = [...new Set([...fresh, ...inTurns(free, groupOf)])].slice(0, most);
  let pixels = 0;
  return order.filter((sample, i) => {
    const [x0, y0, x1, y1] = seenRegions(sample, zoom).window;
    pixels += (x1 - x0) * (y1 - y0);
    return i < fewest || pixels <= mostPixels;
  });
}
