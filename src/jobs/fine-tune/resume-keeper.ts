import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import type { fineTunes } from "../../db/schema/index.ts";
import { AppError } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { keys } from "../../storage/keys.ts";
import type { ObjectStore } from "../../storage/store.ts";
import {
  type Checkpoints,
  decodeCheckpoint,
  difference,
  encodeCheckpoint,
  type Origin,
  type Resumption,
} from "../../training/loop/resume-state.ts";
import type { TrainingEngine } from "../../training/engine/types.ts";
import { LeaseLost } from "../held.ts";
import type { HeldFineTune } from "./held.ts";
import type { LoopState } from "../../training/loop/loop.ts";

const defaultEveryMs = 10_000;
/** A write takes at most one part in so many of the time. */
const sparseness = 20;

type Row = typeof fineTunes.$inferSelect;

export interface CheckpointDeps {
  readonly store: ObjectStore;
  readonly log: Log;
  /** Milliseconds of training between two writes, at least; 0 writes after every epoch. */
  readonly checkpointEveryMs?: number | undefined;
}

/**
 * The training checkpoint of one attempt. An object is written first, under a key of this attempt alone; then the
 * row is pointed to it, which the lease fences; then the object before it goes. So the row never points to nothing,
 * and of an attempt that lost its lease nothing remains.
 */
export class CheckpointKeeper implements Checkpoints {
  readonly #deps: CheckpointDeps;
  readonly #everyMs: number;
  readonly #job: HeldFineTune;
  readonly #row: Row;
  readonly #origin: Origin;
  #key: string | null;
  #due: number;

  constructor(deps: CheckpointDeps, job: HeldFineTune, row: Row, origin: Origin) {
    this.#deps = deps;
    this.#job = job;
    this.#row = row;
    this.#origin = origin;
    this.#key = row.checkpointKey;
    this.#everyMs = deps.checkpointEveryMs ?? defaultEveryMs;
    this.#due = performance.now() + this.#everyMs;
  }

  async resume(engine: TrainingEngine, start: NamedTensors): Promise<Resumption> {
    if (this.#key === null) return {};
    try {
      const checkpoint = decodeCheckpoint(await this.#deps.store.get(this.#key), start);
      const other = difference(checkpoint.origin, this.#origin);
      if (other !== undefined) return { why: `${other} has changed` };
      await engine.restore(checkpoint.engine);
      return { state: checkpoint.state };
    } catch (error) {
      if (error instanceof AppError && error.code === "unavailable") throw error;
      this.#deps.log.warn({ key: this.#key, error }, "a checkpoint is of no use");
      return { why: "the checkpoint can't be used" };
    }
  }

  /** Where the store fails, training goes on without. Throws LeaseLost. */
  async offer(engine: TrainingEngine, state: LoopState): Promise<void> {
    const started = performance.now();
    if (started < this.#due) return;
    try {
      await this.#write(engine, state);
    } catch (error) {
      if (error instanceof LeaseLost) throw error;
      this.#deps.log.warn({ error }, "a checkpoint was not written");
    }
    const now = performance.now();
    this.#due = now + (this.#everyMs === 0 ? 0 : Math.max(this.#everyMs, sparseness * (now - started)));
  }

  async #write(engine: TrainingEngine, state: LoopState): Promise<void> {
    const { store } = this.#deps;
    const { id, projectId, attempt } = this.#row;
    const epoch = state.curve.length - 1;
    const key = keys.checkpoint(projectId, id, `${attempt}-${epoch}`);
    const file = encodeCheckpoint({ origin: this.#origin, state, engine: await engine.state() });
    await store.put(key, file);
    try {
      await this.#job.write({ checkpointKey: key });
    } catch (error) {
      // Only then is it sure that the row does not point to it.
      if (error instanceof LeaseLost) await store.delete(key);
      throw error;
    }
    const before = this.#key;
    this.#key = key;
    if (before !== null) await store.delete(before);
  }
}
