import type { Hyperparameters } from "../../domain/hyperparameters.ts";
import type { Loss } from "../engine/types.ts";
import { lossText } from "../engine/objective.ts";
import { isRough } from "../loop/recipe.ts";

/** What differs between recipes that are tried. */
export interface Candidate {
  readonly loss: Loss;
  readonly learningRate: number;
  /** Whether samples are turned (prompts/turns.ts); left out for no. */
  readonly turns?: boolean;
}

/**
 * For versions that look closer, tried in this order; on a tie the earlier wins. No loss and no rate is best on all data
 * (measured on seven data sets: Dice + BCE won five, focal + Dice one, at 1e-4 or 3e-4), but other corners of the grid
 * never were.
 */
const closer: readonly Candidate[] = [
  { loss: "dice_bce", learningRate: 3e-4 },
  { loss: "dice_bce", learningRate: 1e-4 },
  { loss: "focal_dice", learningRate: 2e-4 },
  { loss: "dice_bce", learningRate: 6e-4 },
];
/** The same for whole images. */
const careful: readonly Candidate[] = closer.toSpliced(3, 0, { loss: "dice", learningRate: 3e-4 });
/**
 * The same for whole images and starts that are wrong for the most part. Masks that stay unsure, as of all roofs of a
 * satellite picture, have a better IoU where what is rather background is taken, too; cross-entropy keeps it back. There
 * Dice alone came to .358 and .276, with cross-entropy to .312 and .242 (two folds, 12 and 14 pictures judge).
 */
const bold: readonly Candidate[] = [
  { loss: "dice_bce", learningRate: 3e-4 },
  { loss: "dice", learningRate: 3e-4 },
  { loss: "dice_bce", learningRate: 6e-4 },
  { loss: "dice_bce", learningRate: 1e-4 },
  { loss: "focal_dice", learningRate: 2e-4 },
];

/**
 * Those that fit what was asked for, each once; at least one.
 * @param options.startIou mean IoU of the start; left out, it is taken for wrong
 * @param options.zoomed whether the version looks closer than at whole images
 */
export function candidatesFor(
  asked: Pick<Hyperparameters, "loss" | "learning_rate">,
  { startIou = 0, zoomed = false }: { startIou?: number | undefined; zoomed?: boolean } = {},
): Candidate[] {
  const all = zoomed ? closer : isRough(startIou) ? bold : careful;
  const fixed = <T>(value: T | "auto" | undefined): value is T => value !== undefined && value !== "auto";
  const candidates = all.map((candidate) => ({
    loss: fixed(asked.loss) ? asked.loss : candidate.loss,
    learningRate: fixed(asked.learning_rate) ? asked.learning_rate : candidate.learningRate,
  }));
  const names = candidates.map(nameOfCandidate);
  return candidates.filter((_, i) => names.indexOf(names[i] as string) === i);
}

export const nameOfCandidate = ({ loss, learningRate, turns }: Candidate): string =>
  `${lossText(loss)}, rate ${learningRate}${turns ? ", turned" : ""}`;
