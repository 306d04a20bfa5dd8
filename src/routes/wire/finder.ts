import { z } from "@hono/zod-openapi";
import type { Finder, FinderMetrics, FindScores } from "../../domain/finder.ts";

const label = z.string().nullable().openapi({ description: "null stands for annotations without a label." });
const share = z.number().nullable();

const scores = z
  .object({
    ap50: share.openapi({ description: "Average precision at mask IoU 0.5." }),
    ap: share.openapi({ description: "Its mean at mask IoUs from 0.5 to 0.95 in steps of 0.05." }),
    pq: share.openapi({ description: "Panoptic quality of what passes the threshold." }),
    precision: share,
    recall: share,
    mean_iou: share.openapi({
      description:
        "Mean over objects of the IoU with the found mask that fits best and passes the threshold; 0 for objects that were missed.",
    }),
  })
  .openapi({ description: "Each from 0 to 1; null where there is nothing to find." });

const interval = z
  .object({ low: z.number(), high: z.number() })
  .nullable()
  .openapi({ description: "95 % interval over groups of images; null with one group." });

/** What finds a version's objects. */
export const finderSchema = z.object({
  labels: z
    .array(label)
    .openapi({ description: "What it was taught: labels that predict may be asked for." }),
  threshold: z.number().openapi({
    description: "The label_score from which objects are answered with, unless a request says otherwise.",
  }),
  pool: z.int().openapi({
    description:
      "The factor by which each side of the embedding's grid is reduced before the finder searches it: 1, 2 or 4.",
  }),
});

/** How well they are found. */
export const finderMetricsSchema = z
  .object({
    images: z.int(),
    empty_images: z.int().openapi({
      description:
        "How many of these images are known to contain no object: whatever is found there is wrong.",
    }),
    partial_images: z.object({ taught: z.int(), left_out: z.int(), asked: z.int() }).optional().openapi({
      description:
        "Images that are only partly annotated, because somebody said so or objects without an annotation were found there: those that taught by their annotated objects alone, the held-out ones that did not judge, and those that `complete_asked` asks about; missing for older versions.",
    }),
    annotations: z.int(),
    groups: z.int(),
    all: scores,
    intervals: z.object({ ap50: interval, pq: interval }),
    labels: z.array(scores.extend({ label, annotations: z.int() })),
    before: z
      .object({
        version: z.int(),
        all: scores,
        gain: z.object({ mean: z.number(), low: z.number().nullable(), high: z.number().nullable() }),
      })
      .nullable()
      .openapi({
        description: "The finder of the version that was live, on the same images; null if there was none.",
      }),
    gate: z.object({ promote: z.boolean(), reason: z.string() }).openapi({
      description: "Whether it is good enough to be kept, and why.",
    }),
    seconds: z.number().openapi({ description: "Seconds that training and judging it took." }),
  })
  .openapi({
    description:
      "How well objects are found without prompts, on the held-out images; missing for older versions.",
  });

export const toFinder = (finder: Finder | null): z.output<typeof finderSchema> | null =>
  finder && { labels: [...finder.labels], threshold: finder.threshold, pool: finder.pool };

export const toFinderMetrics = (metrics: FinderMetrics): z.output<typeof finderMetricsSchema> => ({
  images: metrics.images,
  empty_images: metrics.emptyImages,
  ...(metrics.partial && {
    partial_images: {
      taught: metrics.partial.taught,
      left_out: metrics.partial.leftOut,
      asked: metrics.partial.asked,
    },
  }),
  annotations: metrics.annotations,
  groups: metrics.groups,
  all: toScores(metrics.all),
  intervals: { ap50: metrics.intervals.ap50, pq: metrics.intervals.pq },
  labels: metrics.labels.map((one) => ({
    ...toScores(one),
    label: one.label,
    annotations: one.annotations,
  })),
  before: metrics.before && {
    version: metrics.before.version,
    all: toScores(metrics.before.all),
    gain: metrics.before.gain,
  },
  gate: { promote: metrics.gate.promote, reason: metrics.gate.reason },
  seconds: metrics.seconds,
});

const toScores = ({ ap50, ap, pq, precision, recall, meanIou }: FindScores): z.output<typeof scores> => ({
  ap50,
  ap,
  pq,
  precision,
  recall,
  mean_iou: meanIou,
});
