import { finderShapes, fixedParts } from "../../domain/finder-layout.ts";
import type { RecordedStep } from "../engine/recorded-step.ts";
import { batchShapes, type CropShape, finderLoss } from "./finder-loss.ts";

export const weightDecay = 0.05;
const clipNorm = 1;

export const trainedParts = (labels: number): string[] =>
  Object.keys(finderShapes(labels)).filter((part) => !fixedParts.includes(part));

/** A step of a finder's training on a batch of crops. */
export const finderStep = (shape: CropShape): RecordedStep => ({
  shapes: finderShapes(shape.labels),
  trained: trainedParts(shape.labels),
  batch: Object.entries(batchShapes(shape)).map(([name, own]) => ({ name, shape: own })),
  options: { weightDecay, clipNorm },
  loss: (batch, weights) => finderLoss(batch, weights, shape),
});
