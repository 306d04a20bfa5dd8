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

  /** Tells that this share of the step under way is done, in [0, 1]. */
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
