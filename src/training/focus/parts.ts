import { maskIn } from "../../imaging/cut-mask.ts";
import { type Flip, flipBox, flipRle } from "../../imaging/flips.ts";
import { encodeRle } from "../../imaging/rle.ts";
import type { Box, Size } from "../../imaging/types.ts";
import { firstStep, viewsOf } from "../../imaging/views.ts";
import { boxIn } from "../../imaging/windows.ts";
import type { Zoom } from "../../domain/focus.ts";
import { feedbackFlipped, feedbackIn } from "../prompts/logged-prompts.ts";
import { rleOf, type Sample } from "../data/samples.ts";

/** A sample as a version with some zoom sees it. */
export interface Seen {
  readonly sample: Sample;
  /** All that is encoded, [x0, y0, x1, y1] in whole pixels of the image. */
  readonly window: Box;
  /** Samples of their own, whose image is one region of the sample's. */
  readonly parts: readonly Part[];
}

export interface Part {
  readonly region: Box;
  readonly sample: Sample;
}

/** The views of the sample's exact box (imaging/views.ts), each as a sample. Plain SAM sees one part: all. */
export function seenThrough(sample: Sample, zoom: Zoom | null): Seen {
  const { window, regions } = regionsOf(sample, zoom);
  const parts = regions.map(({ region, box }) => ({ region, sample: partOf(sample, region, box) }));
  return { sample, window, parts };
}

/** What a zoom looks at for a sample, and the sample's box as it is seen in each region; no mask is touched. */
function regionsOf(
  { image, annotation: { box: own } }: Sample,
  zoom: Zoom | null,
): { window: Box; regions: { region: Box; box: Box }[] } {
  const { window, views } = viewsOf({ box: own }, [image.height, image.width], zoom);
  return { window, regions: views.map(({ region, box }) => ({ region, box: box ?? own })) };
}

/** What a zoom looks at for a sample, its mask untouched: the window, and the regions of it that are encoded. */
export function seenRegions(sample: Sample, zoom: Zoom | null): { window: Box; regions: Box[] } {
  const { window, regions } = regionsOf(sample, zoom);
  return { window, regions: regions.map(({ region }) => region) };
}

/** Names of the regions that are encoded for a sample: neighbours that share one have it in common. */
export const regionNames = (sample: Sample, zoom: Zoom | null): string[] =>
  seenRegions(sample, zoom).regions.map((region) => `${sample.image.id}@${region.join("-")}`);

/**
 * What training learns from, given a zoom: every part of every sample, and where a window is cut into tiles the window
 * as a whole too, as clicks without a box are answered from there first. And of the `nearby`, which may hold the samples
 * themselves, those that lie wholly in a region that is encoded anyway: more to learn for no encode. All of that once more
 * for each flip.
 */
export function trainingParts(
  samples: readonly Sample[],
  {
    zoom,
    flips = [],
    nearby = [],
  }: { zoom: Zoom | null; flips?: readonly Flip[]; nearby?: readonly Sample[] },
): Sample[] {
  const once = new Map<string, Sample>();
  const regions = new Map<string, { image: string; region: Box }>();
  for (const sample of samples) {
    const seen = [seenThrough(sample, zoom)];
    if (zoom && zoom.tiles > 1) seen.push(seenThrough(sample, firstStep(zoom)));
    // Parts of one sample that are the same, because it is too small for tiles, count once.
    for (const { parts } of seen) {
      for (const { sample: part, region } of parts) {
        once.set(part.annotation.id, part);
        regions.set(part.image.id, { image: sample.image.id, region });
      }
    }
  }
  if (zoom) {
    const onImage = Map.groupBy(nearby, ({ image }) => image.id);
    for (const { image, region } of regions.values()) {
      for (const sample of onImage.get(image) ?? []) {
        const { box } = sample.annotation;
        if (!liesIn(box, region)) continue;
        const part = partOf(sample, region, boxIn(box, region) ?? box);
        once.set(part.annotation.id, part);
      }
    }
  }
  const upright = [...once.values()];
  return [...upright, ...flips.flatMap((flip) => upright.map((sample) => flipped(sample, flip)))];
}

/** Whether all of a box lies in a region. */
export const liesIn = (box: Box, region: Box): boolean =>
  box[0] >= region[0] && box[1] >= region[1] && box[2] <= region[2] && box[3] <= region[3];

/** A sample of the flipped image, which has an embedding of its own. */
export function flipped(sample: Sample, flip: Flip): Sample {
  const { image, annotation } = sample;
  const size: Size = [image.height, image.width];
  return {
    image: { ...image, id: `${image.id}~${flip}`, flip },
    annotation: {
      ...annotation,
      id: `${annotation.id}~${flip}`,
      image: `${image.id}~${flip}`,
      counts: flipRle(rleOf(sample), flip).counts,
      box: flipBox(annotation.box, size, flip),
      feedback: feedbackFlipped(annotation.feedback, size, flip),
    },
  };
}

/** A region of a sample as a sample. */
function partOf(sample: Sample, region: Box, box: Box): Sample {
  const { image, annotation } = sample;
  const [x0, y0, x1, y1] = region;
  if (x0 === 0 && y0 === 0 && x1 === image.width && y1 === image.height) return sample;
  const name = region.join("-");
  return {
    image: { ...image, id: `${image.id}@${name}`, width: x1 - x0, height: y1 - y0, region },
    annotation: {
      ...annotation,
      id: `${annotation.id}@${name}`,
      image: `${image.id}@${name}`,
      counts: encodeRle(maskIn(rleOf(sample), region)).counts,
      box,
      feedback: feedbackIn(annotation.feedback, region),
    },
  };
}
