import { faintLogit } from "../../lib/faint.ts";

/** Logits are told apart in so many steps, the last of which begins at `bound`. */
const [steps, bound] = [1024, 20];
/** The step of what is background. */
const background = steps;

/**
 * The pixels that a point head judges, as row-major indexes in ascending order: all of a plane of logits that may be
 * foreground; where they are more than `most`, those whose logits are nearest to 0, as in PointRend (Kirillov et al.
 * 2020, section 3.1).
 */
export function choosePoints(logits: Float32Array, most = Infinity): Int32Array {
  const counts = new Uint32Array(steps + 1);
  const own = new Uint16Array(logits.length);
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i] as number;
    const doubt = ((logit < 0 ? -logit : logit) * (steps - 1)) / bound;
    const step = logit > faintLogit ? (doubt < steps - 1 ? doubt | 0 : steps - 1) : background;
    own[i] = step;
    counts[step] = (counts[step] as number) + 1;
  }
  // Whole steps are taken while they fit, and of the next one those that come first.
  let [last, left] = [0, most];
  while (last < steps && left >= (counts[last] as number)) left -= counts[last++] as number;
  const points = new Int32Array(Math.min(most, logits.length - (counts[background] as number)));
  let count = 0;
  for (let i = 0; count < points.length; i++) {
    const step = own[i] as number;
    if (step < last || (step === last && step !== background && left-- > 0)) points[count++] = i;
  }
  return points;
}
