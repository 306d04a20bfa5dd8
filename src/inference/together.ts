import type { DecodeResult, DecodeTask } from "./decode-worker.ts";

/** Prompts of one run of the decoder: bounds its memory, and how long others wait for it. */
export const promptsPerTask = 4;

interface Waiting {
  readonly task: DecodeTask;
  readonly settle: PromiseWithResolvers<DecodeResult>;
}

/**
 * Hands decode tasks to the workers, in the order they came, and lets those that wait ride along: prompts on the same
 * embedding with the same weights go into one run, whose work on the image's tokens they share. A task that finds a
 * worker free starts at once and waits for nobody. The first in line is always the next to start, so nobody is passed
 * by for longer than the few prompts of a run. Tasks with mask prompts go alone: one that is wrong fails its run.
 */
export class Together {
  readonly #run: (task: DecodeTask) => Promise<DecodeResult>;
  #free: number;
  #waiting: Waiting[] = [];

  constructor(workers: number, run: (task: DecodeTask) => Promise<DecodeResult>) {
    this.#free = workers;
    this.#run = run;
  }

  decode(task: DecodeTask): Promise<DecodeResult> {
    const settle = Promise.withResolvers<DecodeResult>();
    this.#waiting.push({ task, settle });
    if (this.#free > 0) void this.#work();
    return settle.promise;
  }

  /** One worker's turns, until nobody waits. */
  async #work(): Promise<void> {
    this.#free--;
    for (let group = this.#next(); group.length > 0; group = this.#next()) await this.#decode(group);
    this.#free++;
  }

  /** The first in line, and those behind it that fit into its run. */
  #next(): Waiting[] {
    const [first, ...rest] = this.#waiting;
    if (!first) return [];
    const group = [first];
    let room = promptsPerTask - first.task.prompts.length;
    this.#waiting = rest.filter((one) => {
      if (one.task.prompts.length > room || !fits(first.task, one.task)) return true;
      room -= one.task.prompts.length;
      group.push(one);
      return false;
    });
    return group;
  }

  async #decode(group: readonly Waiting[]): Promise<void> {
    const [{ task }] = group as [Waiting];
    try {
      const result = await this.#run({ ...task, prompts: group.flatMap((one) => one.task.prompts) });
      let at = 0;
      for (const { task: own, settle } of group) {
        const predictions = result.predictions.slice(at, at + own.prompts.length);
        at += own.prompts.length;
        settle.resolve({ ...result, predictions });
      }
    } catch (error) {
      for (const { settle } of group) settle.reject(error);
    }
  }
}

const fits = (a: DecodeTask, b: DecodeTask): boolean =>
  !a.graph.mask &&
  a.graph.path === b.graph.path &&
  a.weights.id === b.weights.id &&
  a.embedding.data === b.embedding.data &&
  a.threads === b.threads;
