import { LRUCache } from "lru-cache";
import { type Fit, fits } from "../../domain/model-family.ts";
import { type LowResTarget, toInputFrame } from "../../imaging/coordinates.ts";
import { type CutMask, cutMask } from "../../imaging/cut-mask.ts";
import { edgeNearness } from "../../imaging/edge-nearness.ts";
import { maskShare } from "../../imaging/mask-share.ts";
import type { Flip } from "../../imaging/flips.ts";
import type { Box, RleMask } from "../../imaging/types.ts";
import { sha256 } from "../../lib/hash.ts";
import { type Random, seededRandom } from "../../lib/random.ts";
import type { PromptBatch, TrainBatch } from "../engine/types.ts";
import { jitterBox } from "../prompts/prompts.ts";
import { annotationsOf, type Snapshot, type SnapshotAnnotation, type SnapshotImage } from "./snapshot.ts";

/** One annotation as a thing to learn or to score: its image, its mask, the box that prompts for it. */
export interface Sample {
  readonly annotation: SnapshotAnnotation;
  readonly image: SampleImage;
}

/** An image of the snapshot, or one region of it, perhaps flipped, whose width and height then are the region's. */
export interface SampleImage extends SnapshotImage {
  /** [x0, y0, x1, y1] in whole pixels of the snapshot's image; left out, all of it. */
  readonly region?: Box;
  /** And so flipped. */
  readonly flip?: Flip;
}

/** Gives an image's embedding, [64, 64, 256] channels last, SAM 2's with its high-resolution features behind; from memory or the store, rarely from the encoder. */
export type EmbeddingOf = (image: SampleImage) => Promise<Float32Array>;

/** How an image fills the encoder's frame. */
export const fitOf = ({ family = "sam" }: Pick<SnapshotImage, "family">): Fit => fits[family];

/** The samples of some images of a snapshot, in the snapshot's order. */
export function samplesOf(snapshot: Snapshot, images: readonly SnapshotImage[]): Sample[] {
  const byId = new Map(images.map((image) => [image.id, image]));
  return annotationsOf(snapshot, images).map((annotation) => ({
    annotation,
    image: byId.get(annotation.image) as SnapshotImage,
  }));
}

/** At most `count` of them, the same ones for the same seed, in their order. */
export function someOf(samples: readonly Sample[], count: number, seed: number): Sample[] {
  if (samples.length <= count) return [...samples];
  const indexes = randomFor(seed, "some").shuffle(samples.map((_, index) => index));
  return indexes
    .slice(0, count)
    .sort((a, b) => a - b)
    .map((index) => samples[index] as Sample);
}

/** The ground truth at the image's own size, as run lengths. */
export const rleOf = ({ annotation, image }: Sample): RleMask => ({
  format: "rle",
  size: [image.height, image.width],
  counts: annotation.counts,
});

/** The same, those pixels of it that lie in its box; null for a mask of no pixel, as parts of samples may have. */
export const truthOf = (sample: Sample): CutMask | null => cutMask(rleOf(sample));

/** A random source for one purpose: the same parts give the same numbers, whatever was drawn elsewhere. */
export const randomFor = (...parts: (string | number)[]): Random =>
  seededRandom(Number.parseInt(sha256(parts.join(":")).slice(0, 8), 16));

/**
 * Which samples the steps of one epoch see: indexes in batches, always full. A shuffled order, cut to
 * `perEpoch`; the last batch wraps round to the order's beginning.
 */
export function epochBatches(
  samples: number,
  options: { seed: number; epoch: number; perEpoch: number; batchSize: number },
): number[][] {
  const { seed, epoch, perEpoch, batchSize } = options;
  const all = Array.from({ length: samples }, (_, index) => index);
  const order = randomFor(seed, "order", epoch).shuffle(all).slice(0, perEpoch);
  return Array.from({ length: Math.ceil(order.length / batchSize) }, (_, batch) =>
    Array.from(
      { length: batchSize },
      (_unused, i) => order[(batch * batchSize + i) % order.length] as number,
    ),
  );
}

/** Its mask in the low-res cells of the padded frame, exactly by area, in the time that its run lengths take. */
export function targetOf(sample: Sample): LowResTarget {
  const { image } = sample;
  const { mean, valid } = maskShare(rleOf(sample), [0, 0, image.width, image.height], fitOf(image));
  return { target: mean.map((share) => Math.min(1, Math.max(0, share))), valid };
}

/** Low-res targets, made when first asked for and kept while they fit 128 MiB: 512 KiB each, and edges 64 MiB. */
export class Targets {
  readonly #kept = new LRUCache<string, LowResTarget>({ max: 256 });
  readonly #edges = new LRUCache<string, Float32Array>({ max: 256 });

  of(sample: Sample): LowResTarget {
    const kept = this.#kept.get(sample.annotation.id);
    if (kept) return kept;
    const made = targetOf(sample);
    this.#kept.set(sample.annotation.id, made);
    return made;
  }

  /** See edgeNearness. */
  edgesOf(sample: Sample): Float32Array {
    const kept = this.#edges.get(sample.annotation.id);
    if (kept) return kept;
    const made = edgeNearness(this.of(sample));
    this.#edges.set(sample.annotation.id, made);
    return made;
  }
}

/** One training batch; `boxes` are what the prompts say, pixels of the original images. */
export async function trainBatch(
  samples: readonly Sample[],
  boxes: readonly Box[],
  sources: { embeddingOf: EmbeddingOf; targets: Targets; edges?: boolean },
): Promise<TrainBatch> {
  const prompts = await promptBatch(samples, boxes, sources.embeddingOf);
  return { ...prompts, ...maskBatch(samples, sources.targets, { edges: sources.edges ?? false }) };
}

/** What the loss of these samples compares their masks with. */
export function maskBatch(
  samples: readonly Sample[],
  from: Targets,
  options: { edges: boolean },
): Pick<TrainBatch, "targets" | "valid" | "edges"> {
  const cells = 256 * 256;
  const targets = new Float32Array(samples.length * cells);
  const valid = new Float32Array(samples.length * cells);
  for (const [i, sample] of samples.entries()) {
    const low = from.of(sample);
    targets.set(low.target, i * cells);
    valid.set(low.valid, i * cells);
  }
  if (!options.edges) return { targets, valid };
  const edges = new Float32Array(samples.length * cells);
  for (const [i, sample] of samples.entries()) edges.set(from.edgesOf(sample), i * cells);
  return { targets, valid, edges };
}

/**
 * Box prompts as the decoder takes them: two corners a sample, in the 1024 frame, labels 2 and 3; SAM 2's have a padding
 * point behind.
 */
export async function promptBatch(
  samples: readonly Sample[],
  boxes: readonly Box[],
  embeddingOf: EmbeddingOf,
): Promise<PromptBatch> {
  const embeddings = await Promise.all(samples.map(async ({ image }) => embeddingOf(image)));
  const own = (samples[0] as Sample).image.family === "sam2" ? [2, 3, -1] : [2, 3];
  const coords = new Float32Array(samples.length * own.length * 2);
  const labels = new Float32Array(samples.length * own.length);
  for (const [i, { image }] of samples.entries()) {
    const box = toInputFrame(boxes[i] as Box, [image.height, image.width], fitOf(image));
    coords.set(box, i * own.length * 2);
    labels.set(own, i * own.length);
  }
  return { embeddings, coords, labels };
}

/** The boxes of one batch of one epoch, each with its own noise by (seed, epoch, sample). */
export function jitteredBoxes(
  samples: readonly Sample[],
  indexes: readonly number[],
  options: { seed: number; epoch: number; jitter: number },
): Box[] {
  return indexes.map((index) => {
    const { annotation, image } = samples[index] as Sample;
    return jitterBox(
      annotation.box,
      image,
      randomFor(options.seed, "box", options.epoch, index),
      options.jitter,
    );
  });
}
