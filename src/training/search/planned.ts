/** What the steps of a search cost. Progress is counted in training samples; an encode is as many as take its time. */
export interface SearchPlan {
  /** Budget seconds for trials, and for the encodes of flips. */
  readonly seconds: number;
  /** Budget seconds of the encodes that each zoom needs, in the order they are tried; they are spent already. */
  readonly zooms: readonly number[];
  /** Recipes beside the first. */
  readonly recipes: number;
  /** Budget seconds of the encodes of flipped copies; null where flips are not tried. */
  readonly flips: number | null;
  /** Training samples of each half in a trial's first rungs; later ones may have twice as many. */
  readonly samples: number;
  /** Budget seconds of a trial with so many samples of each half, and how many both halves look at. */
  readonly secondsOf: (samples: number) => number;
  readonly samplesOf: (samples: number) => number;
  /** Budget seconds of the encodes of what is left out, and training samples of each of its two trials; null for none. */
  readonly other: { readonly encodes: number; readonly trial: number } | null;
}

/**
 * How much every step of a search is that nobody stops, in their order: each zoom's encodes and its trial, other
 * recipes, finalists, the encodes of flips and their trial, and what is left out beside what is taken. The same purse decides as in the search itself, by counts.
 */
export function plannedSteps(plan: SearchPlan): number[] {
  const { samples, secondsOf, samplesOf, flips } = plan;
  const trial = samplesOf(samples);
  const units = (encodes: number): number => Math.round((encodes / secondsOf(samples)) * trial);
  const steps = plan.zooms.flatMap((encodes) => [units(encodes), trial]);
  let left = plan.seconds - plan.zooms.length * secondsOf(samples);
  let ranked = 1;
  for (; ranked <= plan.recipes && left >= secondsOf(samples); ranked++) {
    steps.push(trial);
    left -= secondsOf(samples);
  }
  let last = samples;
  if (ranked > 2 && left >= 2 * secondsOf(2 * samples)) {
    last = 2 * samples;
    steps.push(samplesOf(last), samplesOf(last));
    left -= 2 * secondsOf(last);
  }
  if (flips !== null && left >= flips + secondsOf(last)) steps.push(units(flips), samplesOf(last));
  if (plan.other) steps.push(plan.other.trial, units(plan.other.encodes), plan.other.trial);
  return steps;
}

/**
 * How far a search is. It never runs backwards: steps that turn out to be none of it leave the total at once, and what
 * a step took less than planned counts as done when it ends.
 */
export class SearchProgress {
  readonly #report: (done: number, total: number) => Promise<void>;
  #steps: readonly number[] = [];
  #ended = 0;
  #total = Number.POSITIVE_INFINITY;
  /** Units of the steps that have ended. */
  #before = 0;

  /** @param report is told whole units */
  constructor(report: (done: number, total: number) => Promise<void>) {
    this.#report = report;
  }

  /** The steps as they are known now, those that have ended among them. */
  plan(steps: readonly number[]): void {
    this.#steps = steps;
    this.#total = Math.min(
      this.#total,
      steps.reduce((sum, units) => sum + units, 0),
    );
  }

  /** Of the step under way, this share is done, in [0, 1]. */
  async within(share: number): Promise<void> {
    const units = this.#steps[this.#ended] ?? 0;
    await this.#report(Math.min(this.#total, Math.round(this.#before + units * share)), this.#total);
  }

  /** The step under way has ended. */
  async next(): Promise<void> {
    await this.within(1);
    this.#before += this.#steps[this.#ended] ?? 0;
    this.#ended++;
  }
}
