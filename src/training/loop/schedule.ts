/** Learning rate by optimizer step: a linear climb, then half a cosine down to a hundredth of the peak, or the peak. */
export interface Schedule {
  /** The peak. */
  readonly learningRate: number;
  readonly warmupSteps: number;
  readonly totalSteps: number;
  /** After the climb; a cosine by default. */
  readonly shape?: "cosine" | "constant";
}

const floor = 0.01;

/** The rate of step `step`, counted from 0. */
export function learningRateAt(schedule: Schedule, step: number): number {
  const { learningRate, warmupSteps, totalSteps, shape = "cosine" } = schedule;
  if (step < warmupSteps) return (learningRate * (step + 1)) / (warmupSteps + 1);
  if (shape === "constant") return learningRate;
  const span = Math.max(1, totalSteps - warmupSteps);
  const done = Math.min(1, (step - warmupSteps) / span);
  return learningRate * (floor + ((1 - floor) * (1 + Math.cos(Math.PI * done))) / 2);
}
