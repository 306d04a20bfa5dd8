import type { Finder } from "../../domain/finder.ts";

/** Below it a centre is noise, whatever threshold was asked for. */
export const lowestLogit = -8;

/** The label score of a peak's logit, in [0, 1]: the share of such peaks that are objects. */
export const labelScore = (logit: number, { calibration: { slope, offset } }: Pick<Finder, "calibration">) =>
  1 / (1 + Math.exp(-(slope * logit + offset)));

/** The logit that has this label score; -Infinity for 0. */
export const logitOf = (score: number, { calibration: { slope, offset } }: Pick<Finder, "calibration">) =>
  (Math.log(score / (1 - score)) - offset) / slope;
