import type { FindingCode } from "../../domain/preview.ts";
import { isTiny, type Mark } from "./marks.ts";
import type { Found } from "./report.ts";

/** Fewer annotations of a label have no usual size. */
const fewest = 8;
/** Robust standard deviations from the median; a normal distribution passes it once in 1.7 million. */
const farOut = 5;
/** So many outliers of one image, and more, are one finding: the image is of another kind. */
const another = 4;
/** Ids that a finding names. */
const mostIds = 20;

/** R, G, B, each 0 to 255: mean over a mask. */
export type Colour = readonly [number, number, number];

interface Measure {
  readonly code: FindingCode;
  /** Not a number where there is nothing to measure. */
  of(mark: Mark): number;
  /** The least spread that is taken for real, so that equal objects do not make outliers of tiny differences. */
  readonly floor: number;
  say(mark: Mark, median: number): string;
}

/** Two digits; never 1.0e+2. */
const short = (value: number): string => String(Number(value.toPrecision(2)));
const percent = (share: number): string => `${short(100 * share)} %`;
const shareOf = ({ facts, image }: Mark): number => facts.area / (image.width * image.height);
const aspectOf = ({ facts: { box } }: Mark): number => (box[2] - box[0]) / (box[3] - box[1]);
const fillOf = ({ facts: { area, box } }: Mark): number => area / ((box[2] - box[0]) * (box[3] - box[1]));

/** A dot has no shape: one pixel fills its box whatever it is of. */
function shapeOf(of: (mark: Mark) => number): (mark: Mark) => number {
  return (mark) => (isTiny(mark) ? Number.NaN : of(mark));
}

const measures: readonly Measure[] = [
  {
    code: "size_outlier",
    of: (mark) => Math.log(shareOf(mark)),
    floor: 0.25,
    say: (mark, median) =>
      `The mask covers ${percent(shareOf(mark))} of its image; ${percent(Math.exp(median))} is usual.`,
  },
  {
    code: "shape_outlier",
    of: shapeOf((mark) => Math.abs(Math.log(aspectOf(mark)))),
    floor: 0.15,
    say: (mark) => `The mask is ${short(aspectOf(mark))} times as wide as high, unlike the others.`,
  },
  {
    code: "shape_outlier",
    of: shapeOf(fillOf),
    floor: 0.05,
    say: (mark, median) =>
      `The mask fills ${percent(fillOf(mark))} of its own box; ${percent(median)} is usual.`,
  },
];

interface Outlier {
  readonly code: FindingCode;
  readonly mark: Mark;
  readonly message: string;
}

/** Annotations that are unlike the others of their label in size, shape, or the colour of the image below the mask. */
export function findOutliers(marks: readonly Mark[], colours: ReadonlyMap<string, Colour>): Found[] {
  const drawn = marks.filter(({ facts }) => facts.area > 0);
  const outliers = new Map<string, Outlier>();
  const tell = (code: FindingCode, mark: Mark, message: string): void => {
    const key = `${code} ${mark.annotation.id}`;
    if (!outliers.has(key)) outliers.set(key, { code, mark, message });
  };
  for (const some of Map.groupBy(drawn, ({ annotation }) => annotation.label ?? "").values()) {
    for (const measure of measures) {
      for (const { item, median } of farFromMedian(some, (mark) => measure.of(mark), measure.floor))
        tell(measure.code, item, measure.say(item, median));
    }
    for (const channel of [0, 1, 2] as const) {
      const of = (mark: Mark): number => colours.get(mark.annotation.id)?.[channel] ?? Number.NaN;
      for (const { item } of farFromMedian(some, of, 10))
        tell("colour_outlier", item, colourText(colours.get(item.annotation.id) as Colour));
    }
  }
  const drawnIn = Map.groupBy(drawn, ({ image }) => image.id);
  const byImage = Map.groupBy(outliers.values(), ({ code, mark }) => `${code} ${mark.image.id}`);
  return [...byImage.values()].flatMap((some) => {
    const [{ code, mark, message }] = some as [Outlier];
    if (some.length < another)
      return some.map((one) => finding(code, mark.image.id, [one.mark.annotation.id], one.message));
    const ids = some.slice(0, mostIds).map((one) => one.mark.annotation.id);
    const all = drawnIn.get(mark.image.id)?.length;
    const text = `${some.length} of this image's ${all} masks are unlike the project's others: is it an image of another kind? The first: ${message}`;
    return [finding(code, mark.image.id, ids, text)];
  });
}

const finding = (code: FindingCode, image: string, annotations: string[], message: string): Found => ({
  code,
  severity: "info",
  message,
  image_ids: [image],
  annotation_ids: annotations,
});

const colourText = (colour: Colour): string =>
  `The image below the mask is on average rgb(${colour.map(Math.round).join(", ")}), unlike below the others.`;

/** Items whose value lies far from the median, in units of the median absolute deviation (times 1.4826: of a normal one). */
export function farFromMedian<T>(
  items: readonly T[],
  of: (item: T) => number,
  floor: number,
): { item: T; median: number }[] {
  const measured = items
    .map((item) => ({ item, value: of(item) }))
    .filter(({ value }) => Number.isFinite(value));
  if (measured.length < fewest) return [];
  const median = medianOf(measured.map(({ value }) => value));
  const spread = 1.4826 * medianOf(measured.map(({ value }) => Math.abs(value - median)));
  const most = farOut * Math.max(spread, floor);
  return measured
    .filter(({ value }) => Math.abs(value - median) > most)
    .map(({ item }) => ({ item, median }));
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] as number) + (sorted[Math.ceil(middle)] as number)) / 2;
}
