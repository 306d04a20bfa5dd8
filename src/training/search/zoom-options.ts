import { joinedLogits } from "../../imaging/stitch.ts";
import type { Zoom } from "../../domain/focus.ts";
import { liesIn, regionNames, seenRegions, seenThrough } from "../focus/parts.ts";
import { fitOf, type Sample, someOf, targetOf, truthOf } from "../data/samples.ts";
import { areaIou } from "../evaluation/scores.ts";

/** One way of looking at the data. */
export interface ZoomOption {
  readonly zoom: Zoom | null;
  /** Mean IoU that the truth itself keeps through low-res cells of 256 x 256, seen so: no decoder can be better. */
  readonly ceiling: number;
  /** Regions to encode for one sample, in the mean. */
  readonly regions: number;
  /** Share of the samples that it sees otherwise than plain SAM does. */
  readonly closer: number;
}

/**
 * The object with some surroundings. One window, as a second costs an encode for every sample and decided little: on
 * held-out magnetic tiles windows of 1.5, 2 and 2.5 boxes came to .70 to .71, on nuclei those of 2, 3 and 4 to .77 to .78
 * (60 masks each; the whole image .74). What it saves goes to the last training, which then goes further than 13 epochs.
 */
const windowContext = 2.5;
/**
 * Where objects stand close together, a window of 5 boxes on a coarse raster: what is encoded for one shows others, which
 * are learnt from too and answered from it. On nuclei, with 89 windows encoded either way, windows of 5 boxes and all that
 * they show came to .829, the same windows with one object each to .817, those of 2.5 boxes with all that they show to .819.
 */
const sharedContext = 5;
const sharedRaster = 0.5;
/** Objects that a shared window has to show beside its own, in the mean. */
const neighboursToShare = 2;
/** Context of windows that are cut into tiles: as little as lets the object stay inside when a hand draws its box. */
const closeContext = 1.5;
/** Below this share of samples a zoom changes too little to be tried. */
const leastCloser = 0.3;
/** Tiles are tried where the truth itself loses more than this to the low-res cells. */
const fineCeiling = 0.93;
/** What loses so much more than the best to the low-res cells is not tried: a short training would not show it. */
const hopeless = 0.05;
/** Samples that the ceilings are taken over. */
const most = 24;

/** Zooms that the data gives reason to try, the cheapest first. */
export interface ZoomOptions {
  /** Those to choose from; at least one. */
  readonly taken: readonly ZoomOption[];
  /** Those that would be, if answers through them were quick enough. */
  readonly left: readonly ZoomOption[];
}

/**
 * Plain SAM; a window round the object where objects are smaller than their images; and tiles of them where they are too
 * thin for the low-res cells even so. `affordable` says whether enough samples can be encoded through a zoom, `quick`
 * whether its answers are quick enough; plain SAM's always are.
 */
export function zoomOptions(
  samples: readonly Sample[],
  {
    affordable = () => true,
    quick = () => true,
  }: { affordable?: (zoom: Zoom) => boolean; quick?: (zoom: Zoom) => boolean } = {},
): ZoomOptions {
  const some = someOf(samples, most, 0);
  const options = [optionOf(some, null)];
  const window = optionOf(some, windowFor(samples, some));
  if (window.closer >= leastCloser && affordable(window.zoom as Zoom)) options.push(window);
  const tiles = optionOf(some, {
    context: closeContext,
    tiles: 2,
    click_side: clickSide(samples, closeContext),
  });
  const { ceiling } = options.at(-1) as ZoomOption;
  const finer = ceiling < fineCeiling && tiles.ceiling > ceiling + 0.01;
  if (finer && affordable(tiles.zoom as Zoom)) options.push(tiles);
  const hopeful = (among: readonly ZoomOption[]): ZoomOption[] => {
    const best = Math.max(...among.map((option) => option.ceiling));
    return among.filter((option) => option.ceiling >= best - hopeless);
  };
  const isTaken = ({ zoom }: ZoomOption): boolean => !zoom || quick(zoom);
  return {
    taken: hopeful(options.filter(isTaken)),
    left: hopeful(options).filter((option) => !isTaken(option)),
  };
}

/** A window of its own for every object, or one that neighbours share where there are enough of them. */
function windowFor(samples: readonly Sample[], some: readonly Sample[]): Zoom {
  const zoomOf = (context: number) => ({ context, tiles: 1, click_side: clickSide(samples, context) });
  const shared: Zoom = { ...zoomOf(sharedContext), raster: sharedRaster };
  const onImage = Map.groupBy(samples, ({ image }) => image.id);
  let neighbours = 0;
  for (const sample of some) {
    const { window } = seenRegions(sample, shared);
    const shown = (onImage.get(sample.image.id) ?? []).filter(({ annotation }) =>
      liesIn(annotation.box, window),
    );
    neighbours += (shown.length - 1) / some.length;
  }
  return neighbours >= neighboursToShare ? shared : zoomOf(windowContext);
}

/** A click says nothing of size: the window is one in which three quarters of the training objects fit. */
export function clickSide(samples: readonly Sample[], context: number): number {
  const sides = samples
    .map(({ annotation: { box } }) => Math.max(box[2] - box[0], box[3] - box[1]))
    .sort((a, b) => a - b);
  return Math.ceil((sides[Math.floor(0.75 * (sides.length - 1))] as number) * context);
}

export function optionOf(samples: readonly Sample[], zoom: Zoom | null): ZoomOption {
  let [ceiling, closer] = [0, 0];
  // Neighbours share windows.
  const regions = new Set(samples.flatMap((sample) => regionNames(sample, zoom)));
  for (const sample of samples) {
    const { window, parts } = seenThrough(sample, zoom);
    const views = parts.map(({ region, sample: part }) => ({
      region,
      fit: fitOf(part.image),
      lowRes: targetOf(part).target.map((share) => share - 0.5),
    }));
    ceiling += areaIou(joinedLogits(window, views, { threshold: 0 }), truthOf(sample)) / samples.length;
    if (parts.some(({ sample: part }) => part !== sample)) closer += 1 / samples.length;
  }
  return { zoom, ceiling, regions: regions.size / samples.length, closer };
}
