/** Learning rate by optimizer step: a linear climb, then half a cosine down to a hundredth of the peak. */
export interface Schedule {
  /** The peak. */
  readonly learningRate: number;
  readonly warmupSteps: number;
  readonly totalSteps: number;
}

const floor = 0.01;

/** The rate of step `step`, counted from 0. */
export function learningRateAt({ learningRate, warmupSteps, totalSteps }: Schedule, step: number): number {
  if (step < warmupSteps) return (learningRate * (step + 1)) / (warmupSteps + 1);
  const span = Math.max(1, totalSteps - warmupSteps);
  const done = Math.min(1, (step - warmupSteps) / span);
  return learningRate * (floor + ((1 - floor) * (1 + Math.cos(Math.PI * done))) / 2);
}
