import { getProject } from "../../src/db/queries/projects.ts";
import { likeThreshold } from "../../src/domain/finder-layout.ts";
import { maskFacts } from "../../src/imaging/mask-facts.ts";
import type { RleMask } from "../../src/imaging/types.ts";
import type { VersionRef } from "../../src/inference/types.ts";
import type { Sample } from "../../src/training/data/samples.ts";
import { findScores, type Marked, overlapsOf } from "../../src/training/finder/find-scores.ts";
import { ofImage } from "../../src/training/finder/judge-finder.ts";
import { type Lesson, lessonsOf } from "../../src/training/finder/lessons.ts";
import type { DataOptions } from "../lib/product/data-options.ts";
import { onData, type OnData } from "../lib/product/on-data.ts";
import { runBench } from "../lib/run-bench.ts";
import { digits, median } from "../lib/statistics.ts";

/** `npm run bench -- like ...`: the report on stdout, progress on stderr. Returns the exit code. */
export const main = (options: DataOptions): Promise<number> =>
  runBench(options, (signal) => run(options, signal), tableOf);

/**
 * What is found by one object that is shown, on a folder's held-out images: of its own image the object of the middle size
 * shows the others, or that of the image before it, where most images hold one.
 */
const run = (options: DataOptions, signal: AbortSignal) =>
  onData("like", options, { signal, measure: async (on) => measure(options, on) });

async function measure({ budget, seed }: DataOptions, { product, scope, data, progress }: OnData) {
  const lessons = lessonsOf(data.heldOut).filter(({ samples }) => samples.length > 0);
  const versions: [string, VersionRef][] = [["base", { number: 0 }]];
  if (budget !== undefined) {
    const hyperparameters = { finder: "none", budget_seconds: budget };
    const tuned = await product.fineTune(scope, { name: "auto", hyperparameters, seed });
    versions.push(["tuned", tuned.version]);
  }
  const { baseModel } = await getProject(product.trainer.db, scope);
  const rows = [];
  for (const [name, version] of versions) {
    for (const [from, count] of [
      ["the same image", 1],
      ["the same image", 3],
      ["another image", 1],
      ["another image", 3],
    ] as const) {
      const images = [];
      const times: number[] = [];
      for (const [i, lesson] of lessons.entries()) {
        progress.at(`${name}, ${count} shown on ${from}`, i, lessons.length);
        const shown = from === "the same image" ? lesson : (lessons.at(i - 1) as Lesson);
        const examples = middleOf(shown, count);
        const truth = lesson.samples.filter((sample) => !examples.includes(sample));
        if (truth.length === 0) continue;
        const { results, timingMs } = await product.trainer.inference.findLike({
          workspaceId: scope.workspaceId,
          baseModel,
          image: ofImage(product.trainer.store, lesson.image),
          versions: [version],
          asks: [
            {
              like: examples.map(({ annotation: { box } }) => ({
                box,
                image: ofImage(product.trainer.store, shown.image),
              })),
              label: null,
            },
          ],
          // Faint finds belong to AP; those above the threshold alone to the rest.
          threshold: 0.05,
          most: 100,
          format: "rle",
          maxAnswerText: Number.POSITIVE_INFINITY,
        });
        times.push(timingMs.total);
        const size: [number, number] = [lesson.image.height, lesson.image.width];
        images.push(
          overlapsOf({
            group: data.groupOf(lesson.image),
            truth: truth.map(({ annotation: { counts } }) => marked({ format: "rle", size, counts })),
            found: (results[0]?.asks[0]?.objects ?? []).map(({ mask, labelScore }) => ({
              ...marked(mask as RleMask),
              score: labelScore,
            })),
          }),
        );
      }
      if (images.length === 0) continue;
      const { ap50, pq, precision, recall } = findScores(images, likeThreshold);
      rows.push({
        version: name,
        from,
        shown: count,
        images: images.length,
        ap50: rounded(ap50),
        pq: rounded(pq),
        precision: rounded(precision),
        recall: rounded(recall),
        ms: digits(median(times), 0),
      });
    }
  }
  return { seed, threshold: likeThreshold, rows };
}

const marked = (mask: RleMask): Marked => ({ mask, bbox: maskFacts(mask).box, label: null });

const areaOf = ({ annotation: { box } }: Sample): number => (box[2] - box[0]) * (box[3] - box[1]);

/** The object of the middle size, or so many round it. */
function middleOf({ samples }: Lesson, count: number): Sample[] {
  const first = Math.max(0, (samples.length >> 1) - (count >> 1));
  return samples.toSorted((a, b) => areaOf(a) - areaOf(b)).slice(first, first + count);
}

const rounded = (value: number | null): number | null => (value === null ? null : digits(value, 3));

function tableOf({ rows }: Awaited<ReturnType<typeof run>>): string {
  const lines = rows.map(
    ({ version, from, shown, images, ap50, pq, precision, recall, ms }) =>
      `| ${version}, ${shown} shown on ${from} | ${images} | ${ap50} | ${pq} | ${precision} | ${recall} | ${ms} |`,
  );
  return [
    "| | images | AP50 | PQ | precision | recall | ms |",
    "|---|---|---|---|---|---|---|",
    ...lines,
    "",
  ].join("\n");
}
