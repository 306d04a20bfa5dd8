import { sourceOf } from "../data/snapshot.ts";
import sharp from "sharp";
import type { PromptLatency, VersionLatency } from "../../domain/serving.ts";
import { cropImage } from "../../imaging/crop.ts";
import { focusCost, type PointedBy } from "../../imaging/focus-cost.ts";
import type { Point, RgbImage, Size } from "../../imaging/types.ts";
import type { ImageSource, Prompt, VersionRef } from "../../inference/types.ts";
import { plainFocus } from "../../domain/focus.ts";
import { sha256 } from "../../lib/hash.ts";
import { rleOf, type Sample } from "../data/samples.ts";
import type { AnswerDeps, AnswerOptions } from "./answers.ts";
import { firstClick } from "./clicks.ts";
import { inTurns, type Judged } from "./evaluation.ts";

/** Held-out samples that are asked about, and how often each warm prompt is. */
const [samplesAsked, rounds] = [4, 3];
/** How many of these are asked about cold, whose answers encode most: each is an encode and those of its windows. */
export const coldAsked = 2;

interface Asked {
  readonly image: ImageSource;
  readonly size: Size;
  readonly prompt: Prompt;
}

/**
 * How long callers wait for one mask, by box and by click, version and base one after the other on the same held-out
 * prompts, through inference.predict as the API asks it. Warm, everything that an answer needs is in memory; cold, nothing
 * of the version's windows is. Nothing may depend on these figures but what people are told.
 */
export async function measureLatency(
  deps: AnswerDeps,
  judged: Judged,
  options: AnswerOptions & { base: VersionRef; tuned: VersionRef },
): Promise<VersionLatency> {
  const samples = inTurns(judged.heldOut, judged.groupOf).slice(0, samplesAsked);
  const focus = options.tuned.focus ?? plainFocus;
  const of = async (by: PointedBy): Promise<PromptLatency> => {
    const warm = await warmMs(deps, samples, { ...options, by });
    const encodesOf = ({ image, annotation: { box } }: Sample): number =>
      focusCost(focus, [image.height, image.width], { box, by }).encodes;
    const dear = samples.toSorted((a, b) => encodesOf(b) - encodesOf(a)).slice(0, coldAsked);
    const encodes = Math.max(...dear.map(encodesOf));
    const coldMs = encodes === 0 ? warm.tuned : await medianCold(deps, dear, { ...options, by });
    return {
      warmMs: tenth(warm.tuned),
      baseWarmMs: tenth(warm.base),
      ratio: Math.round((100 * warm.tuned) / warm.base) / 100,
      coldMs: tenth(coldMs),
      encodes,
    };
  };
  return { prompts: samples.length, box: await of("box"), click: await of("click") };
}

type Options = AnswerOptions & { base: VersionRef; tuned: VersionRef; by: PointedBy };

async function warmMs(
  deps: AnswerDeps,
  samples: readonly Sample[],
  options: Options,
): Promise<{ base: number; tuned: number }> {
  const [base, tuned]: [number[], number[]] = [[], []];
  for (const sample of samples) {
    const { image } = sample;
    const asked: Asked = {
      image: sourceOf(deps.store, image),
      size: [image.height, image.width],
      prompt: promptOf(sample, options.by),
    };
    for (let round = 0; round <= rounds; round++) {
      const before = await timed(deps, asked, { ...options, version: options.base });
      const after = await timed(deps, asked, { ...options, version: options.tuned });
      // The first brings everything into memory.
      if (round === 0) continue;
      base.push(before);
      tuned.push(after);
    }
  }
  return { base: median(base), tuned: median(tuned) };
}

/** On copies that lack the last column of pixels: their own embedding is all that there is of them. */
async function medianCold(deps: AnswerDeps, samples: readonly Sample[], options: Options): Promise<number> {
  const times: number[] = [];
  for (const sample of samples) {
    const { image } = sample;
    const source = sourceOf(deps.store, image);
    // Another for each way of pointing, whose windows may be the same.
    const copy = await narrowed(await deps.inference.pixels(source), options.by === "box" ? 1 : 2);
    const asked: Asked = {
      image: { sha256: sha256(copy.bytes), bytes: async () => copy.bytes },
      size: copy.size,
      prompt: inside(promptOf(sample, options.by), copy.size),
    };
    try {
      await timed(deps, asked, { ...options, version: options.base });
      times.push(await timed(deps, asked, { ...options, version: options.tuned }));
    } finally {
      await deps.inference.forget({ workspaceId: options.workspaceId, sha256: asked.image.sha256 });
    }
  }
  return median(times);
}

async function narrowed(image: RgbImage, columns: number): Promise<{ bytes: Buffer; size: Size }> {
  const { width, height, data } = cropImage(image, [0, 0, Math.max(1, image.width - columns), image.height]);
  const raw = { width, height, channels: 3 } as const;
  return { bytes: await sharp(data, { raw }).png({ compressionLevel: 1 }).toBuffer(), size: [height, width] };
}

const promptOf = (sample: Sample, by: PointedBy): Prompt =>
  by === "box" ? { box: sample.annotation.box } : { points: [firstClick(rleOf(sample))] };

/** A prompt of an image that was a little wider. */
function inside({ box, points }: Prompt, [, width]: Size): Prompt {
  if (box) return { box: [Math.min(box[0], width - 1), box[1], Math.min(box[2], width), box[3]] };
  return { points: (points ?? []).map(([x, y, label]): Point => [Math.min(x, width - 0.5), y, label]) };
}

/** Milliseconds of one answer. */
async function timed(
  { inference }: AnswerDeps,
  { image, size, prompt }: Asked,
  { version, workspaceId, baseModel, signal }: AnswerOptions & { version: VersionRef },
): Promise<number> {
  const start = performance.now();
  await inference.predict({
    image,
    size,
    workspaceId,
    baseModel,
    signal,
    versions: [version],
    prompts: [prompt],
    multimask: false,
    format: "rle",
  });
  return performance.now() - start;
}

const tenth = (ms: number): number => Math.round(10 * ms) / 10;

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [Math.floor((sorted.length - 1) / 2), Math.ceil((sorted.length - 1) / 2)];
  return ((sorted[low] as number) + (sorted[high] as number)) / 2;
}
