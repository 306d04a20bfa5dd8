/** Outlines as tools write them, drawn to masks: what every format's objects become. */
import { inflateSync } from "node:zlib";
import { decodeBrush } from "../imaging/brush-rle.ts";
import { type KeptMask, keptMask, keptPixels, keptRuns } from "../imaging/kept-mask.ts";
import { readMaskValues } from "../imaging/mask-values.ts";
import { polygonsToRuns } from "../imaging/polygons.ts";
import { unpackCounts } from "../imaging/rle.ts";
import type { BinaryMask } from "../imaging/types.ts";
import { AppError } from "../lib/errors.ts";

/** Pixels, or shares of width and height. */
type Unit = "pixels" | "shares";

export type Shape =
  /** Rings [x, y, ...], each closed by itself; together they are one object. */
  | { readonly kind: "rings"; readonly rings: readonly (readonly number[])[]; readonly unit: Unit }
  /** Parts with holes: the first ring of each is its outer edge. */
  | {
      readonly kind: "holed";
      readonly parts: readonly (readonly (readonly number[])[])[];
      readonly unit: Unit;
    }
  /** COCO's run lengths, compressed or not, of `size` [height, width] or of the image. */
  | {
      readonly kind: "rle";
      readonly size: readonly [number, number] | null;
      readonly counts: string | readonly number[];
    }
  | {
      readonly kind: "ellipse";
      readonly x: number;
      readonly y: number;
      readonly rx: number;
      readonly ry: number;
      /** Degrees, clockwise as seen. */
      readonly angle: number;
      readonly unit: Unit;
    }
  /** A small picture, base64, whose pixels that are not 0 are the object; `zlib`: deflated before. */
  | {
      readonly kind: "bitmap";
      readonly data: string;
      readonly zlib: boolean;
      readonly at: readonly [number, number];
    }
  /** Kaggle's pairs of start and length; see formats/run-length-csv.ts. */
  | {
      readonly kind: "starts";
      readonly numbers: readonly number[];
      readonly order: "columns" | "rows";
      readonly relative: boolean;
      readonly first: 0 | 1;
    }
  /** Label Studio's brush, as bytes. */
  | { readonly kind: "brush"; readonly rle: readonly number[] }
  /** Row-major runs, background first, of a part of the image whose top left is `at`; a text is packed as COCO's is. */
  | {
      readonly kind: "rows";
      readonly runs: readonly number[] | string;
      readonly width: number;
      readonly height: number;
      readonly at: readonly [number, number];
    };

interface Size {
  readonly width: number;
  readonly height: number;
}

/** A third of a pixel's side: what is thinner has no area that anybody drew. */
const leastArea = 1e-6;
const pngStart = Buffer.from([0x89, 0x50, 0x4e, 0x47]);
/** Corners of an ellipse's outline. */
const ellipseCorners = 180;

/** The mask of a shape at an image's size. Throws AppError mask_* where it is none. */
export async function drawShape(shape: Shape, { width, height }: Size): Promise<KeptMask> {
  const scaled = (ring: readonly number[], unit: Unit): number[] =>
    unit === "pixels" ? [...ring] : ring.map((share, i) => share * (i % 2 === 0 ? width : height));
  switch (shape.kind) {
    case "rings":
      return fillRings(
        shape.rings.map((ring) => scaled(ring, shape.unit)),
        width,
        height,
      );
    case "holed":
      return fillRings(
        shape.parts.map((part) => bridged(part.map((ring) => scaled(ring, shape.unit)))),
        width,
        height,
      );
    case "rle":
      return fillRle(shape, width, height);
    case "ellipse": {
      const [w, h] = shape.unit === "pixels" ? [1, 1] : [width, height];
      return fillRings([ellipseRing(shape, w, h)], width, height);
    }
    case "bitmap":
      return fillBitmap(shape, width, height);
    case "starts":
      return fillStarts(shape, width, height);
    case "brush":
      return keptPixels(decodeBrush(Uint8Array.from(shape.rle), width, height));
    default:
      return keptPixels(rowsToMask(shape, width, height));
  }
}

/** Rings without area are slips of the mouse, left over beside good ones; an object of nothing else is empty. */
function fillRings(rings: readonly number[][], width: number, height: number): KeptMask {
  for (const ring of rings) {
    if (ring.length % 2 === 1)
      throw new AppError(
        "mask_polygon_invalid",
        `a polygon has ${ring.length} numbers; x and y come in pairs`,
      );
    const bad = ring.find((value) => !Number.isFinite(value));
    if (bad !== undefined) throw new AppError("mask_polygon_invalid", `a polygon has the coordinate ${bad}`);
  }
  const good = rings.filter((ring) => ring.length >= 6 && Math.abs(areaOfRing(ring)) > leastArea);
  if (good.length === 0) {
    const [first = []] = rings;
    throw new AppError(
      "mask_empty",
      first.length < 6 ? `a polygon of ${first.length / 2} points; 3 are the least` : "a polygon of no area",
    );
  }
  return keptRuns(polygonsToRuns(good, width, height), [height, width]);
}

function areaOfRing(ring: readonly number[]): number {
  let sum = 0;
  let most = 0;
  for (let i = 0; i < ring.length; i += 2) {
    const [x0, y0] = [ring[i] as number, ring[i + 1] as number];
    const [x1, y1] = [ring[(i + 2) % ring.length] as number, ring[(i + 3) % ring.length] as number];
    sum += x0 * y1 - x1 * y0;
    // A bow tie's halves cancel each other.
    most = Math.max(most, Math.abs(sum));
  }
  return most / 2 > leastArea ? Math.max(Math.abs(sum / 2), spreadOf(ring)) : 0;
}

/** Twice the largest triangle of the first point and two neighbours: 0 where all lie on one line. */
function spreadOf(ring: readonly number[]): number {
  const [x0, y0] = [ring[0] as number, ring[1] as number];
  let most = 0;
  for (let i = 2; i + 3 < ring.length; i += 2) {
    const [ax, ay] = [(ring[i] as number) - x0, (ring[i + 1] as number) - y0];
    const [bx, by] = [(ring[i + 2] as number) - x0, (ring[i + 3] as number) - y0];
    most = Math.max(most, Math.abs(ax * by - bx * ay));
  }
  return most;
}

/** An outer ring and its holes as one ring with bridges of no width, which fills even-odd. */
function bridged([outer = [], ...holes]: readonly number[][]): number[] {
  const good = holes.filter((hole) => hole.length >= 6);
  if (good.length === 0) return outer;
  const out = outer.concat(outer.slice(0, 2), ...good.map((hole) => hole.concat(hole.slice(0, 2))));
  for (const hole of good.slice(0, -1).toReversed()) out.push(...hole.slice(0, 2));
  return out;
}

async function fillRle(
  { size, counts }: Extract<Shape, { kind: "rle" }>,
  width: number,
  height: number,
): Promise<KeptMask> {
  const [h, w] = size ?? [height, width];
  if (h !== height || w !== width)
    throw new AppError(
      "mask_size_mismatch",
      `the RLE's size is [${h}, ${w}] (height, width), the image's [${height}, ${width}]`,
    );
  return typeof counts === "string"
    ? keptMask({ format: "rle", size: [h, w], counts }, [height, width])
    : keptRuns(counts, [height, width]);
}

/** An ellipse's outline [x, y, ...] in pixels, where its unit is so many of them across and down. */
export function ellipseRing(
  { x, y, rx, ry, angle }: Extract<Shape, { kind: "ellipse" }>,
  w: number,
  h: number,
): number[] {
  const turn = (angle * Math.PI) / 180;
  const ring: number[] = [];
  for (let i = 0; i < ellipseCorners; i++) {
    const t = (2 * Math.PI * i) / ellipseCorners;
    const [dx, dy] = [rx * w * Math.cos(t), ry * h * Math.sin(t)];
    ring.push(
      x * w + dx * Math.cos(turn) - dy * Math.sin(turn),
      y * h + dx * Math.sin(turn) + dy * Math.cos(turn),
    );
  }
  return ring;
}

async function fillBitmap(
  { data, zlib, at: [left, top] }: Extract<Shape, { kind: "bitmap" }>,
  width: number,
  height: number,
): Promise<KeptMask> {
  const packed = Buffer.from(data, "base64");
  let bytes: Buffer;
  try {
    // Supervisely takes bare PNGs too.
    const isBare = packed.subarray(0, 4).equals(pngStart);
    bytes = zlib && !isBare ? inflateSync(packed, { maxOutputLength: 256 * 1024 * 1024 }) : packed;
  } catch (error) {
    throw new AppError("mask_png_invalid", "the bitmap can't be inflated", { cause: error });
  }
  const part = await readMaskValues(bytes, { maxPixels: 4 * (width + 1) * (height + 1) });
  const shown = Uint8Array.from(part.values, (value) => (value === 0 ? 0 : 1));
  return keptPixels(
    pasted({ width: part.width, height: part.height, data: shown }, [left, top], width, height),
  );
}

/** A part of an image as a mask of the whole; what reaches over its edges is cut. */
function pasted(
  part: BinaryMask,
  [left, top]: readonly [number, number],
  width: number,
  height: number,
): BinaryMask {
  const mask = { width, height, data: new Uint8Array(width * height) };
  for (let y = 0; y < part.height; y++) {
    for (let x = 0; x < part.width; x++) {
      if (part.data[y * part.width + x] === 0) continue;
      const [px, py] = [x + Math.round(left), y + Math.round(top)];
      if (px >= 0 && px < width && py >= 0 && py < height) mask.data[py * width + px] = 1;
    }
  }
  return mask;
}

function fillStarts(shape: Extract<Shape, { kind: "starts" }>, width: number, height: number): KeptMask {
  const runs: number[] = [];
  let last = 0;
  for (const [start, end] of spansOf(shape.numbers, shape, width * height)) {
    runs.push(start - last, end - start);
    last = end;
  }
  runs.push(width * height - last);
  if (shape.order === "columns") return keptRuns(runs, [height, width]);
  return keptPixels(rowsToMask({ kind: "rows", runs, width, height, at: [0, 0] }, width, height));
}

/** Pixels [start, end) in the order of the runs. Throws AppError mask_rle_invalid where they do not fit or ascend. */
export function* spansOf(
  numbers: readonly number[],
  { relative, first }: { relative: boolean; first: 0 | 1 },
  pixels: number,
): Generator<[number, number], void, undefined> {
  let last = 0;
  for (let i = 0; i + 1 < numbers.length; i += 2) {
    const start = relative ? last + (numbers[i] as number) : (numbers[i] as number) - first;
    const end = start + (numbers[i + 1] as number);
    if (start < last || end > pixels)
      throw new AppError(
        "mask_rle_invalid",
        `a run from ${start} to ${end} begins before the last one's end, ${last}, or ends beyond ${pixels} pixels`,
      );
    yield [start, end];
    last = end;
  }
}

function rowsToMask(
  { runs, width: w, height: h, at: [left, top] }: Extract<Shape, { kind: "rows" }>,
  width: number,
  height: number,
): BinaryMask {
  const mask = { width, height, data: new Uint8Array(width * height) };
  if (
    !(Number.isInteger(w) && Number.isInteger(h) && w > 0 && h > 0 && w * h <= 4 * (width + 1) * (height + 1))
  )
    throw new AppError("mask_size_mismatch", `the mask is ${w} x ${h}, the image ${width} x ${height}`);
  let at = 0;
  for (const [i, run] of (typeof runs === "string" ? unpackCounts(runs, w * h) : runs).entries()) {
    if (!(Number.isInteger(run) && run >= 0))
      throw new AppError("mask_rle_invalid", `run ${i} is ${run}, no length`);
    const end = Math.min(at + run, w * h);
    if (i % 2 === 1)
      for (let p = at; p < end; p++) {
        const [x, y] = [(p % w) + left, Math.floor(p / w) + top];
        if (x >= 0 && x < width && y >= 0 && y < height) mask.data[y * width + x] = 1;
      }
    at += run;
  }
  if (at > w * h) throw new AppError("mask_rle_invalid", `runs add up to ${at} pixels of ${w * h}`);
  return mask;
}
