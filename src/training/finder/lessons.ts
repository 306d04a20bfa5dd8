import { finderTargets, type FinderTargets, type Taught } from "../../imaging/finding/targets.ts";
import type { FinderPool } from "../../domain/finder.ts";
import { gridCells } from "../../domain/finder-layout.ts";
import { inputSize } from "../../imaging/coordinates.ts";
import { touchedShare } from "../../imaging/mask-share.ts";
import { fitOf, rleOf, type Sample } from "../data/samples.ts";
import type { SnapshotImage } from "../data/snapshot.ts";

/** Labels that one finder is taught at most, those with most objects; the others are told. */
export const mostLabels = 32;

/** One image with all that is annotated on it. */
export interface Lesson {
  readonly image: SnapshotImage;
  readonly samples: readonly Sample[];
  /** Set where it has objects that nobody has annotated: what lies beside the others is then unknown. */
  readonly partial?: true;
}

/** Samples by image, in their order. */
export function lessonsOf(samples: readonly Sample[]): Lesson[] {
  const byImage = Map.groupBy(samples, ({ image }) => image.id);
  return Array.from(byImage.values(), (own) => ({ image: (own[0] as Sample).image, samples: own }));
}

/** What a finder is taught, the most frequent labels first; null stands for annotations without one. */
export function labelsOf(samples: readonly Sample[]): (string | null)[] {
  const counts = new Map<string | null, number>();
  for (const { annotation } of samples) counts.set(annotation.label, (counts.get(annotation.label) ?? 0) + 1);
  const byName = (a: string | null, b: string | null): number => ((a ?? "") < (b ?? "") ? -1 : 1);
  return [...counts]
    .sort((a, b) => b[1] - a[1] || byName(a[0], b[0]))
    .slice(0, mostLabels)
    .map(([label]) => label);
}

/** Longer sides, in cells, from which a finder pools: it then sees objects of up to 8 cells whole. */
const [pairFrom, fourFrom] = [9, 20];

/** How many cells a finder pools: by the median of its objects' longer sides. */
export function poolFor(samples: readonly Sample[]): FinderPool {
  const inCells = samples
    .map(({ annotation: { box }, image }) => {
      const scale =
        Math.max(...inputSize([image.height, image.width], fitOf(image))) /
        Math.max(image.height, image.width);
      return (Math.max(box[2] - box[0], box[3] - box[1]) * scale) / (1024 / gridCells);
    })
    .sort((a, b) => a - b);
  const median = inCells[Math.floor(inCells.length / 2)] ?? 0;
  return median >= fourFrom ? 4 : median >= pairFrom ? 2 : 1;
}

/** What a finder's outputs shall be on an image; objects of labels that it is not taught are left out. */
export function targetsOf(
  { image, samples, partial }: Lesson,
  { labels, pool }: { labels: readonly (string | null)[]; pool: FinderPool },
): FinderTargets {
  return finderTargets(taught(samples, labels), {
    size: [image.height, image.width],
    fit: fitOf(image),
    labels: labels.length,
    pool,
    whole: !partial,
  });
}

/** One after the other, as their turn comes. */
function* taught(samples: readonly Sample[], labels: readonly (string | null)[]): Generator<Taught> {
  for (const sample of samples) {
    const label = labels.indexOf(sample.annotation.label);
    if (label < 0) continue;
    yield { label, box: sample.annotation.box, share: touchedShare(rleOf(sample), fitOf(sample.image)) };
  }
}
