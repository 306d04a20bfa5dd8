import { setImmediate as nextTurn } from "node:timers/promises";
import ort, { type Tensor, withoutPattern } from "../../lib/onnxruntime.ts";
import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import type { FinderPool } from "../../domain/finder.ts";
import { finderShapes, gridCells, outputsOf, partsOfCell } from "../../domain/finder-layout.ts";
import { pooledCells } from "../../imaging/finding/cells.ts";
import { float32 } from "../../inference/workers/session.ts";
import type { FinderTargets } from "../../imaging/finding/targets.ts";
import type { Random } from "../../lib/random.ts";
import { type EmbeddingOf, randomFor } from "../data/samples.ts";
import { recordedStepOnnx, runStep, startFeeds } from "../engine/recorded-step.ts";
import { learningRateAt } from "../loop/schedule.ts";
import { batchOf, type Taken } from "./crops.ts";
import { type BatchName, batchShapes, type CropShape } from "./finder-loss.ts";
import { finderStep, trainedParts, weightDecay } from "./finder-step.ts";
import { type Lesson, targetsOf } from "./lessons.ts";

/**
 * Crops of 16 x 16 cells, eight a step: many places of many images for the price of half an embedding. See
 * docs/adr/0027-finder.md for what was tried.
 */
const [crops, cropSide] = [8, 16];
const learningRate = 6e-3;
/** Images in memory at a time, 4 MiB each; with more, others take their place every `stepsOfRound` steps. */
const [mostInMemory, stepsOfRound] = [32, 50];
/** Bytes of targets that are kept for later rounds: those of an image with thousands of objects take .2 s to make. */
const keptBytes = 64 * 1024 * 1024;

export interface FitOptions {
  readonly labels: readonly (string | null)[];
  readonly pool: FinderPool;
  readonly steps: number;
  readonly embeddingOf: EmbeddingOf;
  readonly threads: number;
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly onStep?: ((step: number) => Promise<void>) | undefined;
}

/**
 * A finder for these images: weights by the names and shapes of finderShapes. Its step is recorded (finder-step.ts) and run by
 * onnxruntime; the same lessons and seed give the same finder, bit for bit, with one thread.
 */
export async function fitFinder(lessons: readonly Lesson[], options: FitOptions): Promise<NamedTensors> {
  const { labels, steps, threads, seed, signal, onStep } = options;
  const side = Math.min(cropSide, gridCells / options.pool);
  const shape: CropShape = { crops, side, labels: labels.length };
  const shapes = finderShapes(labels.length);
  const random = randomFor(seed, "finder");
  const rounds = new Rounds(lessons, options, random);
  await rounds.next();
  const step = finderStep(shape);
  const feeds = startFeeds(step, startOf(labels.length, rounds.taken, random));
  const rates = { learningRate, totalSteps: steps, warmupSteps: Math.floor(steps / 10) };
  const session = await ort.InferenceSession.create(recordedStepOnnx(step), {
    intraOpNumThreads: threads,
    ...withoutPattern,
  });
  try {
    for (let at = 0; at < steps; at++) {
      signal.throwIfAborted();
      if (at > 0 && at % stepsOfRound === 0) await rounds.next();
      const batch = batchOf(rounds.some(crops), shape, random);
      const fed = Object.entries(batchShapes(shape)).map(([name, own]) => [
        name,
        float32(batch[name as BatchName], own),
      ]);
      await runStep(session, feeds, Object.fromEntries(fed) as Record<string, Tensor>, {
        step: at,
        learningRate: learningRateAt(rates, at),
        weightDecay,
      });
      await onStep?.(at + 1);
      await nextTurn();
    }
  } finally {
    await session.release();
  }
  return Object.fromEntries(
    Object.entries(shapes).map(([name, own]) => [
      name,
      { shape: [...own], data: (feeds[name] as Tensor).data as Float32Array },
    ]),
  );
}

/** The images in memory, in a new order whenever all have been seen. */
class Rounds {
  taken: Taken[] = [];
  readonly #lessons: readonly Lesson[];
  readonly #options: FitOptions;
  readonly #random: Random;
  #order: Taken[] = [];
  readonly #targets = new Map<Lesson, FinderTargets>();
  #room = keptBytes;

  constructor(lessons: readonly Lesson[], options: FitOptions, random: Random) {
    this.#lessons = lessons;
    this.#options = options;
    this.#random = random;
  }

  /** Loads other images where not all fit. */
  async next(): Promise<void> {
    if (this.taken.length === this.#lessons.length) return;
    const { pool, embeddingOf } = this.#options;
    const chosen = this.#random.shuffle([...this.#lessons]).slice(0, mostInMemory);
    this.taken = [];
    for (const lesson of chosen) {
      const cells = pooledCells(await embeddingOf(lesson.image), pool);
      this.taken.push({ cells, targets: this.#targetsOf(lesson) });
      await nextTurn();
    }
    this.#order = [];
  }

  #targetsOf(lesson: Lesson): FinderTargets {
    const kept = this.#targets.get(lesson);
    if (kept) return kept;
    const made = targetsOf(lesson, this.#options);
    const { foreground, centres, sides, weight, valid } = made;
    for (const { byteLength } of [foreground, centres, sides, weight, valid]) this.#room -= byteLength;
    if (this.#room >= 0) this.#targets.set(lesson, made);
    return made;
  }

  some(count: number): Taken[] {
    return Array.from({ length: count }, () => {
      if (this.#order.length === 0) this.#order = this.#random.shuffle([...this.taken]);
      return this.#order.pop() as Taken;
    });
  }
}

/** What training starts from: PyTorch's uniform start, and logits at which little is foreground and less a centre. */
function startOf(labels: number, taken: readonly Taken[], random: Random): Record<string, Float32Array> {
  const shapes = finderShapes(labels);
  const start: Record<string, Float32Array> = { ...standards(taken) };
  for (const part of trainedParts(labels)) {
    const [first = 0, second] = shapes[part] as number[];
    const inputs = second === undefined ? (shapes[part.replace(".bias", ".weight")] as number[])[0] : first;
    const most = part.startsWith("head.") ? 0.03 : 1 / Math.sqrt(inputs as number);
    start[part] = Float32Array.from({ length: first * (second ?? 1) }, () => (2 * random.next() - 1) * most);
  }
  const outputs = outputsOf(labels);
  start["head.bias"] = Float32Array.from({ length: partsOfCell * outputs }, (_, i) => {
    const output = i % outputs;
    return output < labels ? -1 : output < 2 * labels ? -3 : 0;
  });
  return start;
}

/** Mean of every channel, and one over its deviation. */
function standards(taken: readonly Taken[]): Record<"mean" | "scale", Float32Array> {
  const [sums, squares] = [new Float64Array(256), new Float64Array(256)];
  let count = 0;
  for (const { cells } of taken) {
    count += cells.length / 256;
    for (let i = 0; i < cells.length; i++) {
      const value = cells[i] as number;
      sums[i & 255] = (sums[i & 255] as number) + value;
      squares[i & 255] = (squares[i & 255] as number) + value * value;
    }
  }
  const mean = Float32Array.from(sums, (sum) => sum / count);
  const scale = Float32Array.from(squares, (sum, c) => {
    const average = (sums[c] as number) / count;
    return 1 / (Math.sqrt(Math.max(0, sum / count - average * average)) + 1e-3);
  });
  return { mean, scale };
}
