import { Turns } from "../../lib/turns.ts";
import type { ViewResult, ViewTask } from "./view-task.ts";

/** Prompts of one run of the decoder: bounds its memory, and how long others wait for it. */
export const promptsPerTask = (task: Pick<ViewTask, "near"> | undefined): number => (task?.near ? 16 : 4);

interface Waiting {
  readonly task: ViewTask;
  readonly settle: PromiseWithResolvers<ViewResult>;
}

/**
 * Hands tasks to the workers and lets those that wait ride along: prompts on the same views with the same weights go into
 * one run, whose work on the image's tokens they share. A task that finds a worker free starts at once and waits for
 * nobody. Workspaces take turns, each with the first of its own line, so that nobody is passed by for longer than one run of
 * each other workspace. Tasks with mask prompts go alone: one that is wrong fails its run.
 */
export class Together {
  readonly #run: (task: ViewTask) => Promise<ViewResult>;
  #free: number;
  readonly #waiting = new Turns<Waiting>();

  constructor(workers: number, run: (task: ViewTask) => Promise<ViewResult>) {
    this.#free = workers;
    this.#run = run;
  }

  /** @param owner whose turn the task takes: its workspace */
  decode(task: ViewTask, owner: string): Promise<ViewResult> {
    const settle = Promise.withResolvers<ViewResult>();
    this.#waiting.add(owner, { task, settle });
    if (this.#free > 0) void this.#work();
    return settle.promise;
  }

  /** One worker's turns, until nobody waits. */
  async #work(): Promise<void> {
    this.#free--;
    for (let group = this.#next(); group.length > 0; group = this.#next()) await this.#decode(group);
    this.#free++;
  }

  /** The next in turn, and those behind it, whoever's, that fit into its run. */
  #next(): Waiting[] {
    const first = this.#waiting.next();
    if (!first) return [];
    let room = promptsPerTask(first.task) - first.task.prompts.length;
    const along = this.#waiting.take(({ task }) => {
      if (task.prompts.length > room || !fits(first.task, task)) return false;
      room -= task.prompts.length;
      return true;
    });
    return [first, ...along];
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

/** Whether two tasks can be one run: all but their prompts is the same. */
const fits = (a: ViewTask, b: ViewTask): boolean =>
  !a.graph.mask &&
  a.graph.path === b.graph.path &&
  a.near === b.near &&
  a.weights.id === b.weights.id &&
  a.threads === b.threads &&
  a.refine?.sha256 === b.refine?.sha256 &&
  a.views.length === b.views.length &&
  a.views.every(({ embedding }, i) => embedding.data === b.views[i]?.embedding.data);
