import { faintLogit } from "../../lib/faint.ts";
import { activeArea } from "../active-area.ts";
import { boxMean } from "../box-mean.ts";
import { cropImage, cropPlane } from "../crop.ts";
import type { Box, RgbImage, Size } from "../types.ts";
import { alongColours } from "./colours.ts";

/** Pixels round all that may be foreground: the widest mean has what it wants there. */
const room = 32;
/** Logits beyond say nothing more. */
const bound = 20;
const shareRadii = [1, 2, 4, 8];
const colourRadii = [1, 2, 4, 8, 16];
/** Of the local spread of colour. */
const spreadRadius = 2;

/** Planes, in the order of featurePlanes: logit and share, colours on the object's own axis, plain colours. */
const planeCount = 3 + shareRadii.length + 3 + colourRadii.length + 1 + 3;
/** Of boxFeatures. */
export const boxFeatureCount = 4;
export const featureCount = planeCount + boxFeatureCount;

/** The pixels of a plane of logits that may be foreground, and what is needed to judge them. */
export interface Points {
  /** Of the plane; the pixels lie in it. */
  readonly area: Box;
  /** Row-major indexes into the area. */
  readonly at: Int32Array;
  /** The area's logits, within [-20, 20], and the image below them. */
  readonly logits: Float32Array;
  readonly guide: RgbImage;
}

/** Which pixels of logits [height, width] of the guide's size a point head judges; null where nothing may be foreground. */
export function pointsOf(logits: Float32Array, guide: RgbImage): Points | null {
  const size: Size = [guide.height, guide.width];
  const area = activeArea(logits, size, room);
  if (!area) return null;
  const own = cropPlane(logits, size, area).map((value) => Math.max(-bound, Math.min(bound, value)));
  let count = 0;
  const at = new Int32Array(own.length);
  for (let i = 0; i < own.length; i++) if ((own[i] as number) > faintLogit) at[count++] = i;
  return { area, at: at.slice(0, count), logits: own, guide: cropImage(guide, area) };
}

/**
 * What a point head knows of every pixel of the area, a plane [height, width] at a time, always in the same order, each
 * about in [-5, 5]: the coarse prediction, and fine features of the image, as in PointRend (Kirillov et al. 2020), though
 * these are colours and their means over squares, not a network's. A plane is the caller's to keep.
 */
export function* featurePlanes({ logits, guide }: Points): Generator<Float32Array> {
  const size: Size = [guide.height, guide.width];
  const mean = (plane: Float32Array, radius: number): Float32Array => boxMean(plane, size, radius);
  const share = logits.map((value) => 1 / (1 + Math.exp(-value)));
  yield logits.map((value) => value / 4);
  yield logits.map((value) => Math.tanh(value / 2));
  yield share;
  for (const radius of shareRadii) yield mean(share, radius);

  const { along, off } = alongColours(share, guide);
  yield along;
  yield along.map((value) => Math.max(-1, Math.min(1, value)));
  yield off;
  for (const radius of colourRadii) yield mean(along, radius);
  const [middle, squares] = [
    mean(along, spreadRadius),
    mean(
      along.map((value) => value * value),
      spreadRadius,
    ),
  ];
  yield squares.map((value, i) => Math.sqrt(Math.max(0, value - (middle[i] as number) ** 2)));
  for (const channel of [0, 1, 2])
    yield Float32Array.from(share, (_, i) => (guide.data[3 * i + channel] as number) / 255 - 0.5);
}

/** A box of the plane in pixels of the area. */
export const boxInArea = (box: Box, [left, top]: Box): Box => [
  box[0] - left,
  box[1] - top,
  box[2] - left,
  box[3] - top,
];

/**
 * Where a pixel's middle lies to the box of its prompt, both in pixels of the area: the distance to the nearest edge,
 * below 0 outside, in pixels and as a share of the box's sides; and that there is a box. All zeros where there is none.
 */
export function boxFeatures(x: number, y: number, box: Box | null, out: Float32Array, at: number): void {
  if (!box) {
    out.fill(0, at, at + boxFeatureCount);
    return;
  }
  const [x0, y0, x1, y1] = box;
  const distance = Math.min(x + 0.5 - x0, x1 - x - 0.5, y + 0.5 - y0, y1 - y - 0.5);
  const share = distance / (x1 - x0 + y1 - y0);
  out[at] = Math.tanh(distance / 2);
  out[at + 1] = Math.tanh(16 * share);
  out[at + 2] = Math.max(-1, Math.min(1, 4 * share));
  out[at + 3] = 1;
}
