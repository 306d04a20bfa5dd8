import { setImmediate as nextTurn } from "node:timers/promises";
import { areaOf } from "../../imaging/geometry.ts";
import type { AreaLogits } from "../../imaging/area-logits.ts";
import { joinedLogits, type RegionLogits } from "../../imaging/stitch.ts";
import type { CutMask } from "../../imaging/cut-mask.ts";
import type { SeenWindow } from "../../inference/refine/work-area.ts";
import type { Zoom } from "../../domain/focus.ts";
import type { TrainingEngine } from "../engine/types.ts";
import { type Part, type Seen, seenThrough } from "../focus/parts.ts";
import { type EmbeddingOf, fitOf, promptBatch, type Sample, truthOf } from "../data/samples.ts";

export interface ScoreOptions {
  readonly embeddingOf: EmbeddingOf;
  readonly batchSize: number;
  readonly signal: AbortSignal;
  /** How samples are seen; left out, as plain SAM sees them. */
  readonly zoom?: Zoom | null;
}

/** What an engine's weights say of one sample. */
export interface WindowLogits extends SeenWindow {
  readonly sample: Sample;
  /** What the decoder says of its own answer, in the mean over the window's parts. */
  readonly predictedIou: number;
}

/**
 * Mean IoU of an engine's weights as they are now, at the original size, exact boxes; in [0, 1].
 * The event loop gets a turn after every mask, so it never waits longer than one takes.
 */
export async function meanIouOf(
  engine: TrainingEngine,
  samples: readonly Sample[],
  options: ScoreOptions,
): Promise<number> {
  const scores = await iousOf(engine, samples, options);
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

/** IoU of every sample, in their order. */
export async function iousOf(
  engine: TrainingEngine,
  samples: readonly Sample[],
  options: ScoreOptions,
): Promise<number[]> {
  const scores: number[] = [];
  for await (const { sample, window, views } of windowLogits(engine, samples, options))
    scores.push(areaIou(joinedLogits(window, views, { threshold: 0 }), truthOf(sample)));
  return scores;
}

interface DecodedPart extends RegionLogits {
  readonly iou: number;
}

/** The logits of every sample's window, in their order; parts are decoded in full batches across samples. */
export async function* windowLogits(
  engine: TrainingEngine,
  samples: readonly Sample[],
  { embeddingOf, batchSize, signal, zoom = null }: ScoreOptions,
): AsyncGenerator<WindowLogits> {
  let waiting: { seen: Seen; parts: DecodedPart[] }[] = [];
  let batch: { part: Part; to: DecodedPart[] }[] = [];
  const decode = async (): Promise<void> => {
    const some = batch.map(({ part }) => part.sample);
    const boxes = some.map(({ annotation }) => annotation.box);
    const { logits, iou } = await engine.predict(await promptBatch(some, boxes, embeddingOf));
    const cells = logits.length / some.length;
    for (const [i, { part, to }] of batch.entries())
      to.push({
        region: part.region,
        fit: fitOf(part.sample.image),
        lowRes: logits.slice(i * cells, (i + 1) * cells),
        iou: iou[i] as number,
      });
    batch = [];
  };
  for (const [i, sample] of samples.entries()) {
    signal.throwIfAborted();
    const seen = seenThrough(sample, zoom);
    const parts: DecodedPart[] = [];
    waiting.push({ seen, parts });
    for (const part of seen.parts) {
      batch.push({ part, to: parts });
      if (batch.length === batchSize) await decode();
    }
    if (i === samples.length - 1 && batch.length > 0) await decode();
    const ready = waiting.filter((one) => one.parts.length === one.seen.parts.length);
    waiting = waiting.filter((one) => one.parts.length < one.seen.parts.length);
    for (const one of ready) {
      const { window } = one.seen;
      const predictedIou = one.parts.reduce((sum, part) => sum + part.iou, 0) / Math.max(1, one.parts.length);
      yield { sample: one.seen.sample, window, views: one.parts, predictedIou };
      await nextTurn();
    }
  }
}

/** IoU of logits above `edge` with the truth of the whole image; null are none, and no pixel. */
export function areaIou(logits: AreaLogits | null, truth: CutMask | null, edge = 0): number {
  const { area, data } = logits ?? { area: [0, 0, 0, 0] as const, data: new Float32Array(0) };
  const [x0, y0, x1, y1] = area;
  const [left, top, right, bottom] = truth?.box ?? [0, 0, 0, 0];
  const wanted = truth ? areaOf(truth) : 0;
  let [both, found] = [0, 0];
  for (let y = y0, i = 0; y < y1; y++) {
    for (let x = x0; x < x1; x++, i++) {
      if (!((data[i] as number) > edge)) continue;
      found++;
      if (!truth || x < left || x >= right || y < top || y >= bottom) continue;
      both += truth.data[(y - top) * truth.width + x - left] as number;
    }
  }
  const either = found + wanted - both;
  return either === 0 ? 1 : both / either;
}
