import type { FinderPool } from "../../src/domain/finder.ts";
import { readFinderGraphs } from "../../src/graphs/files.ts";
import { boxIou } from "../../src/imaging/geometry.ts";
import { imageVector, vectorLength } from "../../src/imaging/worth/image-vector.ts";
import { rankImages } from "../../src/imaging/worth/rank-images.ts";
import { packWeights } from "../../src/inference/decoder/packed-weights.ts";
import { findPeaks } from "../../src/inference/find/peaks-task.ts";
import type { ImageEmbedding } from "../../src/inference/types.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { type SnapshotImage, sourceOf } from "../../src/training/data/snapshot.ts";
import { findScores, type Overlaps } from "../../src/training/finder/find-scores.ts";
import { fitFinder } from "../../src/training/finder/fit-finder.ts";
import { labelsOf, type Lesson, lessonsOf, poolFor } from "../../src/training/finder/lessons.ts";
import { runBench } from "../lib/run-bench.ts";
import { onData, type OnData } from "../lib/product/on-data.ts";
import { digits } from "../lib/statistics.ts";
import type { WorthOptions } from "./options.ts";

/** Images that are labelled. */
const amounts = [4, 8, 16] as const;
/** The share of all images that judge, another part with each seed. */
const judging = 1 / 3;
const faintest = -6;

interface Finding {
  readonly labels: readonly (string | null)[];
  readonly pool: FinderPool;
  readonly steps: number;
  readonly signal: AbortSignal;
  readonly embedding: (image: SnapshotImage) => Promise<ImageEmbedding>;
}

/** `npm run bench -- worth ...`: the report on stdout, progress on stderr. Returns the exit code. */
export const main = (options: WorthOptions): Promise<number> =>
  runBench(options, (signal) => run(options, signal), tableOf);

/** How well finders find that learn from few images, chosen by worth, nothing being labelled yet, or at random. */
const run = (options: WorthOptions, signal: AbortSignal) =>
  onData("worth", options, { signal, measure: async (on) => measure(options, on, signal) });

async function measure(
  options: WorthOptions,
  { product, scope, data, progress }: OnData,
  signal: AbortSignal,
) {
  const { inference, store } = product.trainer;
  const samples = [
    ...new Map(
      [...data.nearby, ...data.selection, ...data.heldOut].map((sample) => [sample.annotation.id, sample]),
    ).values(),
  ];
  const lessons = lessonsOf(samples);
  const embedding = async (image: SnapshotImage): Promise<ImageEmbedding> => {
    const about = { workspaceId: scope.workspaceId, baseModel: "mobile_sam", signal };
    return (await inference.embed(sourceOf(store, image), about)).embedding;
  };
  const finding = {
    labels: labelsOf(samples),
    pool: poolFor(samples),
    steps: options.steps,
    signal,
    embedding,
  };
  const rows: (Row & { readonly seed: number })[] = [];
  for (let seed = options.seed; seed < options.seed + options.seeds; seed++) {
    const random = seededRandom(seed);
    const shuffled = random.shuffle([...lessons]);
    const judges = shuffled.splice(0, Math.ceil(shuffled.length * judging));
    for (const [order, chosen] of [
      ["worth", await byWorth(shuffled, embedding)],
      ["random", shuffled],
    ] as const)
      for (const images of amounts) {
        if (images > shuffled.length) continue;
        const ap50 = await scored(chosen.slice(0, images), judges, seed, finding);
        progress.say(`  seed ${seed}, ${order}, ${images} images: AP50 of boxes ${ap50.toFixed(3)}`);
        rows.push({ seed, order, images, ap50: digits(ap50, 4) });
      }
  }
  return {
    images: lessons.length,
    objects: samples.length,
    seeds: options.seeds,
    steps: options.steps,
    rows,
    means: (["worth", "random"] as const).flatMap((order) =>
      amounts.map((images) => ({ order, images, ap50: meanOf(rows, order, images) })),
    ),
  };
}

async function byWorth(lessons: readonly Lesson[], embedding: Finding["embedding"]): Promise<Lesson[]> {
  const candidates = new Float32Array(lessons.length * vectorLength);
  for (const [i, { image }] of lessons.entries())
    candidates.set(imageVector(await embedding(image)), i * vectorLength);
  const none = new Float32Array(0);
  const ranked = rankImages({
    candidates,
    doubts: lessons.map(() => null),
    labelled: none,
    most: lessons.length,
  });
  return ranked.map(({ at }) => lessons[at] as Lesson);
}

/** AP50 by boxes of a finder that has learnt from some images, on others. */
async function scored(
  taught: readonly Lesson[],
  judges: readonly Lesson[],
  seed: number,
  { labels, pool, steps, signal, embedding }: Finding,
): Promise<number> {
  const embeddingOf = async (image: SnapshotImage): Promise<Float32Array> => (await embedding(image)).data;
  const weights = await fitFinder(taught, { labels, pool, steps, embeddingOf, threads: 1, seed, signal });
  const packed = packWeights(`worth:${seed}:${taught.map(({ image }) => image.id).join()}`, weights);
  const overlaps: Overlaps[] = [];
  for (const { image, samples } of judges) {
    const peaks = await findPeaks({
      graph: readFinderGraphs()[pool],
      threads: 1,
      weights: packed,
      finder: { labels, pool },
      embedding: await embedding(image),
      floor: faintest,
    });
    overlaps.push({
      group: image.id,
      found: peaks.map(({ logit, label }) => ({ score: logit, label: labels[label] ?? null })),
      truth: samples.map(({ annotation }) => annotation.label),
      iou: peaks.map(({ box, label }) =>
        samples.map(({ annotation }) =>
          annotation.label === (labels[label] ?? null) ? boxIou(annotation.box, box) : 0,
        ),
      ),
    });
  }
  return findScores(overlaps, faintest).ap50 ?? 0;
}

type Row = { readonly order: string; readonly images: number; readonly ap50: number };

function meanOf(rows: readonly Row[], order: string, images: number): number | null {
  const own = rows.filter((row) => row.order === order && row.images === images);
  return own.length === 0 ? null : digits(own.reduce((sum, { ap50 }) => sum + ap50, 0) / own.length, 3);
}

function tableOf({ data, images, seeds, means }: Awaited<ReturnType<typeof run>>): string {
  const line = (order: string): string =>
    `${order.padEnd(10)}${amounts.map((amount) => String(means.find((one) => one.order === order && one.images === amount)?.ap50 ?? "-").padStart(10)).join("")}\n`;
  return [
    `worth: ${data}, ${images} images, ${seeds} seeds, AP50 of boxes by images labelled\n`,
    `${"".padEnd(10)}${amounts.map((amount) => String(amount).padStart(10)).join("")}\n`,
    line("worth"),
    line("random"),
  ].join("");
}
