import { inTurns } from "../evaluation/evaluation.ts";
import type { PreparedData } from "../prepare.ts";
import type { Sample } from "../samples.ts";

/** A head is trained on, and judged by, so many samples, and so many of them may be such that choose. */
const [most, mostFresh] = [300, 100];

/** Those that choose, which the decoder was not trained on, and those that train; some of every group. */
export function headSamples({
  selection,
  train,
  groupOf,
}: Pick<PreparedData, "selection" | "train" | "groupOf">): Sample[] {
  const fresh = inTurns(selection, groupOf).slice(0, mostFresh);
  return [...new Set([...fresh, ...inTurns(train, groupOf)])].slice(0, most);
}
