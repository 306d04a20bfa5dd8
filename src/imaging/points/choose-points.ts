import { faintLogit } from "../../lib/faint.ts";

/** Logits are told apart in so many steps, the last of which begins at `bound`. */
const [steps, bound] = [1024, 20];
const stepOf = (logit: number): number =>
  Math.min(steps - 1, Math.floor((Math.abs(logit) * (steps - 1)) / bound));

/**
 * The pixels that a point head judges, as row-major indexes in ascending order: all of a plane of logits that may be
 * foreground; where they are more than `most`, those whose logits are nearest to 0, as in PointRend (Kirillov et al.
 * 2020, section 3.1).
 */
export function choosePoints(logits: Float32Array, most = Infinity): Int32Array {
  const points = new Int32Array(logits.length);
  let count = 0;
  for (let i = 0; i < logits.length; i++) if ((logits[i] as number) > faintLogit) points[count++] = i;
  const all = points.subarray(0, count);
  return count <= most ? all : leastCertain(logits, all, most);
}

function leastCertain(logits: Float32Array, points: Int32Array, most: number): Int32Array {
  const counts = new Uint32Array(steps);
  for (const i of points) {
    const step = stepOf(logits[i] as number);
    counts[step] = (counts[step] as number) + 1;
  }
  // Whole steps are taken while they fit, and of the next one those that come first.
  let [last, left] = [0, most];
  while (left >= (counts[last] as number)) left -= counts[last++] as number;
  return points.filter((i) => {
    const step = stepOf(logits[i] as number);
    return step < last || (step === last && left-- > 0);
  });
}
