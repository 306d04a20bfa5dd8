import type { FineTuneProgress } from "../../domain/fine-tune.ts";

type Phase = FineTuneProgress["phase"];

/** Milliseconds an item takes until it has been measured: an encode, a trial's sample, a training sample, a scored sample. */
const guessMs: Record<Phase, number> = { embed: 700, search: 60, train: 115, evaluate: 60, register: 300 };
const phases: readonly Phase[] = ["embed", "search", "train", "evaluate", "register"];

/** Turns "so many of so many" into progress with an estimate of the time to the job's end, by the speed so far. */
export class ProgressMeter {
  readonly #totals: Record<Phase, number>;
  readonly #clock: () => number;
  #phase: Phase | undefined;
  #started = 0;
  /** Items that were done before the phase's first call, in no time of ours. */
  #before = 0;

  /** @param clock milliseconds, never going back */
  constructor(totals: Partial<Record<Phase, number>> = {}, clock: () => number = () => performance.now()) {
    this.#totals = { embed: 0, search: 0, train: 0, evaluate: 0, register: 1, ...totals };
    this.#clock = clock;
  }

  /** Changes what is known of later phases, once the data is read. */
  plan(totals: Partial<Record<Phase, number>>): void {
    Object.assign(this.#totals, totals);
  }

  /** `done` items of `phase` are done; the first call of a phase starts its measurement. */
  at(phase: Phase, done: number): FineTuneProgress {
    if (phase !== this.#phase) {
      this.#phase = phase;
      this.#started = this.#clock();
      this.#before = done;
    }
    const total = this.#totals[phase];
    const measured = done - this.#before;
    const perItem = measured > 0 ? (this.#clock() - this.#started) / measured : guessMs[phase];
    const later = phases.slice(phases.indexOf(phase) + 1);
    const ms = later.reduce(
      (sum, name) => sum + this.#totals[name] * guessMs[name],
      Math.max(0, total - done) * perItem,
    );
    return { phase, done: Math.min(done, total), total, etaSeconds: Math.ceil(ms / 1000) };
  }
}
