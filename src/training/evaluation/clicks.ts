import { type InteriorPoint, interiorPoint } from "../../imaging/interior-point.ts";
import { boxOfRle, cutMask, maskIn } from "../../imaging/cut-mask.ts";
import { boxRound } from "../../imaging/geometry.ts";
import type { BinaryMask, Point, RleMask } from "../../imaging/types.ts";

/** Where someone would click first: the mask's deepest pixel, its middle. The mask is not empty. */
export function firstClick(truth: RleMask): Point {
  const cut = cutMask(truth);
  const deepest = cut && interiorPoint(cut);
  if (!deepest) throw new Error("an empty mask has nothing to click on");
  return moved(clickAt(deepest, 1), cut.box);
}

/** What correctiveClick says of two whole masks, from the pixels round them alone. */
export function nextClick(answer: RleMask, truth: RleMask, before: readonly Point[]): Point | null {
  const area = boxRound(boxOfRle(answer), boxOfRle(truth));
  const [x0, y0, x1, y1] = area;
  const there = before.filter(([x, y]) => x >= x0 && x < x1 && y >= y0 && y < y1);
  const within = there.map((click) => moved(click, [-x0, -y0]));
  const next = correctiveClick(maskIn(answer, area), maskIn(truth, area), within);
  return next && moved(next, area);
}

const moved = ([x, y, label]: Point, [right, down]: readonly [number, number, ...number[]]): Point => [
  x + right,
  y + down,
  label,
];

/**
 * Where someone would click next: the deepest pixel of what the answer leaves out (label 1) or of what it has too much
 * (label 0), whichever lies deeper. A pixel is clicked once. Null when nothing is wrong, or all of it clicked.
 * Source: the evaluations of RITM (Sofiiuk et al. 2021) and SAM (Kirillov et al. 2023, appendix D).
 */
export function correctiveClick(
  answer: BinaryMask,
  truth: BinaryMask,
  before: readonly Point[],
): Point | null {
  const taken = new Set(before.map(([x, y]) => Math.floor(y) * truth.width + Math.floor(x)));
  const missing = interiorPoint(less(truth, answer), taken);
  const extra = interiorPoint(less(answer, truth), taken);
  if (!missing && !extra) return null;
  if (missing && missing.squaredDistance >= (extra?.squaredDistance ?? 0)) return clickAt(missing, 1);
  return clickAt(extra as InteriorPoint, 0);
}

/** The middle of the pixel. */
const clickAt = ({ x, y }: InteriorPoint, label: 0 | 1): Point => [x + 0.5, y + 0.5, label];

/** What lies in `a` and not in `b`. */
function less(a: BinaryMask, b: BinaryMask): BinaryMask {
  const data = new Uint8Array(a.data.length);
  for (let i = 0; i < data.length; i++) data[i] = (a.data[i] as number) & ~(b.data[i] as number);
  return { width: a.width, height: a.height, data };
}
