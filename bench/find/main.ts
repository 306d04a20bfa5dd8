import type { FinderMetrics, FindScores } from "../../src/domain/finder.ts";
import { runBench } from "../lib/run-bench.ts";
import { digits, median } from "../lib/statistics.ts";
import { budgetOf } from "../../src/training/search/choose.ts";
import { onData, type OnData } from "../lib/product/on-data.ts";
import type { FindOptions } from "./options.ts";
import { noPython } from "../lib/options.ts";
import { runPeers } from "./peers.ts";
import { boxedRegions, foundRegions, peerRegions } from "./regions.ts";
import { timeFinding } from "./time-finding.ts";

/** `npm run bench -- find ...`: the report on stdout, progress on stderr. Returns the exit code. */
export const main = (options: FindOptions): Promise<number> =>
  runBench(options, (signal) => run(options, signal), tableOf);

/** How well a fine-tune's version finds what is on a folder's held-out images, and what that costs. */
const run = (options: FindOptions, signal: AbortSignal) =>
  onData("find", options, { signal, measure: async (on) => measure(options, on) });

async function measure(options: FindOptions, { product, scope, data, progress }: OnData) {
  const hyperparameters = {
    finder: "always",
    ...(options.budget !== undefined && { budget_seconds: options.budget }),
  };
  const tuned = await product.fineTune(scope, { name: "auto", hyperparameters, seed: options.seed });
  const { finder, metrics } = tuned.version;
  if (!metrics.finder) throw new Error("the version has no finder's scores");
  const timed = finder ? await timeFinding(product, scope, data, { ...tuned.version, finder }) : null;
  const peers = options.python
    ? await runPeers(options.python, product, scope, data, {
        seed: options.seed,
        focus: tuned.version.focus,
        budget: options.budget ?? budgetOf(data.asked),
        progress,
      })
    : [];
  const regions = [
    ...(finder
      ? [
          {
            who: "found",
            meanIou: await foundRegions(product, scope, data, { ...tuned.version, finder }),
            seconds: tuned.seconds,
          },
        ]
      : []),
    {
      who: "by a box round the image",
      meanIou: await boxedRegions(product, scope, data, tuned.version),
      seconds: tuned.seconds,
    },
    ...(options.python
      ? await peerRegions(options.python, product, scope, data, {
          seed: options.seed,
          seconds: tuned.seconds,
        })
      : []),
  ];
  return {
    seed: options.seed,
    finder: finder && { labels: finder.labels, pool: finder.pool, threshold: finder.threshold },
    images: { train: data.counts.train, test: metrics.finder.images },
    objects: { train: data.train.length, test: metrics.finder.annotations },
    scores: rounded(metrics.finder),
    peers: peers.map((one) =>
      "missing" in one
        ? one
        : {
            peer: one.peer,
            seconds: digits(one.seconds, 1),
            threshold: one.threshold,
            scores: scoresOf(one.scores),
          },
    ),
    regions: regions.map(({ who, meanIou, seconds, ...rest }) => ({
      who,
      ...rest,
      ...(meanIou !== undefined && { mean_iou: digits(meanIou, 3) }),
      ...(seconds !== undefined && { seconds: digits(seconds, 0) }),
    })),
    ...(options.peers && !options.python && { note: noPython }),
    box: { objects: metrics.heldOut.annotations, mean_iou: digits(metrics.heldOut.tuned.meanIou, 3) },
    seconds: { fine_tune: digits(tuned.seconds, 0), finder: metrics.finder.seconds },
    timed: timed && {
      objects: median(timed.map(({ objects }) => objects)),
      find_ms: digits(median(timed.map(({ findMs }) => findMs)), 1),
      box_ms: digits(median(timed.map(({ boxMs }) => boxMs)), 1),
      ratio: digits(median(timed.map(({ findMs, boxMs }) => findMs / boxMs)), 2),
    },
  };
}

const scoresOf = (of: FindScores) =>
  Object.fromEntries(
    (["ap50", "ap", "pq", "precision", "recall", "meanIou"] as const).map((name) => [
      name,
      of[name] === null ? null : digits(of[name], 3),
    ]),
  );

function rounded({ all, intervals, labels, gate }: FinderMetrics) {
  return {
    all: scoresOf(all),
    intervals,
    labels: labels.map((one) => ({ label: one.label, annotations: one.annotations, ...scoresOf(one) })),
    gate,
  };
}

function tableOf(report: Awaited<ReturnType<typeof run>>): string {
  const { scores, timed } = report;
  const line = (name: string, of: Record<string, unknown>): string =>
    `${name.padEnd(40)} ${["ap50", "ap", "pq", "precision", "recall", "meanIou"].map((key) => String(of[key]).padStart(10)).join("")}\n`;
  return [
    `find: ${report.data}, ${report.images.train} images train, ${report.images.test} judge, seed ${report.seed}\n`,
    `${"".padEnd(40)} ${["AP50", "AP50-95", "PQ", "precision", "recall", "mean IoU"].map((text) => text.padStart(10)).join("")}\n`,
    line("all labels", scores.all),
    ...scores.labels.map((one) => line(String(one.label), one)),
    ...report.peers.map((one) =>
      "missing" in one ? `${one.peer}: ${one.missing}\n` : line(one.peer, one.scores),
    ),
    ...report.regions.map(
      ({ who, mean_iou: iou, seconds, missing }) =>
        `everything as one region, ${who}: ${missing ?? `mean IoU ${iou}, trained for ${seconds} s`}\n`,
    ),
    `${scores.gate.reason}\n`,
    `fine-tune ${report.seconds.fine_tune} s, its finder ${report.seconds.finder} s; mean IoU of ${report.box.objects} exact boxes ${report.box.mean_iou}\n`,
    timed
      ? `${timed.objects} objects found in ${timed.find_ms} ms, ${timed.ratio} times a box prompt's ${timed.box_ms} ms\n`
      : "",
  ].join("");
}
