import type { FineTuneProgress } from "../../domain/fine-tune.ts";
import { costs } from "../search/costs.ts";

type Phase = FineTuneProgress["phase"];

/** Milliseconds an item takes until it has been measured, where a training sample takes what budgets count for one. */
const usualMs: Readonly<Record<Phase, number>> = {
  embed: costs.encode * 1000,
  search: costs.train * 1000,
  train: costs.trainMixed * 1000,
  // One box, base and tuned, and its part of what is cheap beside it.
  evaluate: 60,
  find: costs.finderStep * 1000,
  refit: costs.trainMixed * 1000,
  register: 300,
};
const phases: readonly Phase[] = ["embed", "search", "train", "evaluate", "find", "refit", "register"];

/** Turns "so many of so many" into progress with an estimate of the time to the job's end, by the speed so far. */
export class ProgressMeter {
  readonly #totals: Record<Phase, number>;
  readonly #clock: () => number;
  #phase: Phase | undefined;
  #started = 0;
  /** Items that were done before the phase's first call, in no time of ours. */
  #before = 0;
  #slowness = 1;

  /** @param clock milliseconds, never going back */
  constructor(totals: Partial<Record<Phase, number>> = {}, clock: () => number = () => performance.now()) {
    this.#totals = { embed: 0, search: 0, train: 0, evaluate: 0, find: 0, refit: 0, register: 1, ...totals };
    this.#clock = clock;
  }

  /** Changes what is known of later phases, once the data is read. */
  plan(totals: Partial<Record<Phase, number>>): void {
    Object.assign(this.#totals, totals);
  }

  /** This machine takes so many times what budgets count. */
  pace(slowness: number): void {
    this.#slowness = slowness;
  }

  /** Seconds of all that is planned, by what is usual on such a machine. */
  get plannedSeconds(): number {
    return phases.reduce((sum, phase) => sum + this.#totals[phase] * this.#usual(phase), 0) / 1000;
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
    const perItem = measured > 0 ? (this.#clock() - this.#started) / measured : this.#usual(phase);
    const later = phases.slice(phases.indexOf(phase) + 1);
    const ms = later.reduce(
      (sum, name) => sum + this.#totals[name] * this.#usual(name),
      Math.max(0, total - done) * perItem,
    );
    return { phase, done: Math.min(done, total), total, etaSeconds: Math.ceil(ms / 1000) };
  }

  #usual(phase: Phase): number {
    return usualMs[phase] * this.#slowness;
  }
}
