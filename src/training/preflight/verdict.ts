import type { Finding, LearningCurve, PreviewResult } from "../../domain/preview.ts";
import { fewestGroups } from "../data/folds.ts";

type Verdict = PreviewResult["verdict"];

/** IoU that is worth the work of drawing twice as many masks. */
const worthwhile = 0.01;
/** The most that a flat curve may still promise at the upper end of its interval. */
const flatAtMost = 0.03;
/** A decoder that can't get this far on 8 masks by heart lacks something that images don't give it. */
const learntByHeart = 0.75;
/** What it learnt by heart so much better than in a short run shows that the run was too short to judge by. */
const stillLearning = 0.1;
/** IoU of the truth through the grid: below it, the grid costs more than any image brings. */
const coarseGrid = 0.85;

/** What to do next, in one sentence. The numbers in it are the curve's own. */
export function verdictOf(findings: readonly Finding[], curve: LearningCurve | null): Verdict {
  const errors = findings.filter(({ severity }) => severity === "error");
  if (errors.length > 0) {
    const [first] = errors as [Finding];
    const rest = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
    return { code: "fix_data_first", message: `Fix the data first${rest}: ${first.message}` };
  }
  if (!curve) {
    return {
      code: "unclear",
      message: `A learning curve needs at least ${fewestGroups} groups of images beside the held-out ones; annotate more images.`,
    };
  }
  const { gain_from_twice: gain, by_heart_iou: byHeart, grid_limit_iou: grid } = curve;
  const last = curve.points.at(-1) as LearningCurve["points"][number];
  if (gain.low > 0 && gain.mean >= worthwhile) {
    return {
      code: "more_images_help",
      message: `More images help: twice as many promise about ${signed(gain.mean)} IoU (${signed(gain.low)} to ${signed(gain.high)}).`,
    };
  }
  if (gain.mean >= worthwhile || gain.high > flatAtMost) {
    return {
      code: "unclear",
      message: `Whether more images help is not clear: twice as many may change the IoU by ${signed(gain.low)} to ${signed(gain.high)}.`,
    };
  }
  const flat = `More images will not help: the curve is flat (twice as many promise ${signed(gain.mean)} IoU)`;
  if (grid < coarseGrid && byHeart > grid - 0.1) {
    return {
      code: "grid_is_the_limit",
      message: `${flat}, and the masks are finer than the decoder's 256 x 256 grid, through which even the truth keeps an IoU of ${grid.toFixed(2)} only: crop closer or use tiles.`,
    };
  }
  if (byHeart - last.train_iou > stillLearning && last.train_iou < learntByHeart) {
    return {
      code: "train_longer",
      message: `In runs as short as these more images bring nothing (twice as many promise ${signed(gain.mean)} IoU), for the decoder was still learning: ${last.train_iou.toFixed(2)} on the images that it trains on, ${byHeart.toFixed(2)} by heart; train longer before you draw more masks.`,
    };
  }
  if (byHeart < learntByHeart) {
    return {
      code: "encoder_is_the_limit",
      message: `${flat}, and even the images that it trains on reach an IoU of ${byHeart.toFixed(2)} only: the frozen encoder is the limit.`,
    };
  }
  return {
    code: "enough_images",
    message: `${flat}; a fine-tune with what there is should come to about ${last.iou.mean.toFixed(2)} or more.`,
  };
}

const signed = (value: number): string => `${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(3)}`;
