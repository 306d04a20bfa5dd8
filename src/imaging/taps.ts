import type { Fit } from "../domain/model-family.ts";
import { frameSide, inputSize, lowResSide } from "./coordinates.ts";
import type { Size } from "./types.ts";

/** For each pixel of one axis: the first of three neighbouring low-res values, and their weights. */
export interface Taps {
  /** Ascending. */
  readonly start: Int32Array;
  /** Three to a pixel, none negative. */
  readonly weights: Float32Array;
  /** [255]: the first pixel whose start is at least so much. */
  readonly first: Int32Array;
}

/** The last taps asked for: one image's masks come one after the other, and both axes are asked for each time. */
const kept = new Map<string, Taps>();

/** The taps of both axes that bring a region of size `region` to `to`; not to be written to. */
export function tapsOf(region: Size, to: Size, fit: Fit): { down: Taps; across: Taps } {
  const [height, width] = inputSize(region, fit);
  return { down: axisTaps(height, to[0], fit), across: axisTaps(width, to[1], fit) };
}

/**
 * `padded` joins the two interpolations of one axis: 256 to 1024, cropped to `inputSide`, to `side`. `stretched` is one,
 * from 256 to `side`.
 */
function axisTaps(inputSide: number, side: number, fit: Fit): Taps {
  const key = `${fit} ${inputSide} ${side}`;
  const known = kept.get(key);
  if (known) return known;
  const made = makeTaps(inputSide, side, fit);
  if (kept.size === 8) kept.clear();
  kept.set(key, made);
  return made;
}

function makeTaps(inputSide: number, side: number, fit: Fit): Taps {
  const start = new Int32Array(side);
  const weights = new Float32Array(3 * side);
  for (let i = 0; i < side; i++) {
    const stretched = fit === "stretched";
    const outer = linear(i, stretched ? lowResSide : inputSide, side);
    const inner = (at: number): Linear => (stretched ? only(at) : linear(at, lowResSide, frameSide));
    const base = Math.min(inner(outer.low).low, lowResSide - 3);
    start[i] = base;
    const add = (at: number, share: number): void => {
      const { low, high, t } = inner(at);
      weights[3 * i + low - base] = (weights[3 * i + low - base] as number) + share * (1 - t);
      weights[3 * i + high - base] = (weights[3 * i + high - base] as number) + share * t;
    };
    add(outer.low, 1 - outer.t);
    add(outer.high, outer.t);
  }
  const first = new Int32Array(lowResSide - 1).fill(side);
  for (let i = side - 1; i >= 0; i--) first.fill(i, 0, (start[i] as number) + 1);
  return { start, weights, first };
}

interface Linear {
  readonly low: number;
  readonly high: number;
  readonly t: number;
}

const only = (at: number): Linear => ({ low: at, high: at, t: 0 });

/** Where PyTorch's bilinear interpolation (align_corners=False) reads for output `i`, in its own float32 steps. */
function linear(i: number, inSide: number, outSide: number): Linear {
  const scale = Math.fround(inSide / outSide);
  const source = Math.max(0, Math.fround(Math.fround(scale * Math.fround(i + 0.5)) - 0.5));
  const low = Math.min(Math.floor(source), inSide - 1);
  return { low, high: Math.min(low + 1, inSide - 1), t: Math.min(1, Math.max(0, Math.fround(source - low))) };
}
