import type { FindingCode } from "../../db/schema/index.ts";
import type { Mark } from "./marks.ts";
import type { Found } from "./report.ts";

/** Fewer annotations of a label have no usual size. */
const fewest = 8;
/** Robust standard deviations from the median; a normal distribution passes it once in 1.7 million. */
const farOut = 5;

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

const percent = (share: number): string => `${(100 * share).toPrecision(2)} %`;
const shareOf = ({ facts, image }: Mark): number => facts.area / (image.width * image.height);
const aspectOf = ({ facts: { box } }: Mark): number => (box[2] - box[0]) / (box[3] - box[1]);
const fillOf = ({ facts: { area, box } }: Mark): number => area / ((box[2] - box[0]) * (box[3] - box[1]));

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
    of: (mark) => Math.abs(Math.log(aspectOf(mark))),
    floor: 0.15,
    say: (mark) => `The mask is ${aspectOf(mark).toPrecision(2)} times as wide as high, unlike the others.`,
  },
  {
    code: "shape_outlier",
    of: fillOf,
    floor: 0.05,
    say: (mark, median) =>
      `The mask fills ${percent(fillOf(mark))} of its own box; ${percent(median)} is usual.`,
  },
];

/** Annotations that are unlike the others of their label in size, shape, or the colour of the image below the mask. */
export function findOutliers(marks: readonly Mark[], colours: ReadonlyMap<string, Colour>): Found[] {
  const drawn = marks.filter(({ facts }) => facts.area > 0);
  const found: Found[] = [];
  const told = new Set<string>();
  const tell = (code: FindingCode, mark: Mark, message: string): void => {
    const key = `${code} ${mark.annotation.id}`;
    if (told.has(key)) return;
    told.add(key);
    const ids = { image_ids: [mark.image.id], annotation_ids: [mark.annotation.id] };
    found.push({ code, severity: "info", message, ...ids });
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
  return found;
}

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
