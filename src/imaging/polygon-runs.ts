/**
 * Polygons as places in an image's column-major order, as pycocotools has them (cocoapi common/maskApi.c, rleFrPoly):
 * a ring is drawn 5 times finer, its crossings with each column's centre line are rounded to rows, and between every two
 * crossings, in column-major order, lies foreground.
 *
 * There every step of the finer line is taken. Here only those are that cross a centre line, between the finer columns
 * 5 n + 2 and 5 n + 3, by the same arithmetic: an edge costs as many steps as it crosses columns.
 */
const scale = 5;

/** More crossings than this share of the pixels are cheaper to mark than to sort. */
const markedFrom = 1 / 32;

/** Where a ring begins and ends to be foreground, ascending, each place once; [x, y, x, y, ...] in pixels. */
export function crossingsOf(ring: readonly number[], width: number, height: number): Float64Array {
  const places = new Places(crossed(ring), width * height);
  eachCrossing(ring, width, height, (x, y) => places.toggle(x * height + y));
  return places.odd();
}

/** How many centre lines a ring crosses at most. */
function crossed(ring: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < ring.length; i += 2) {
    const next = ring[(i + 2) % ring.length] as number;
    sum += Math.abs(next - (ring[i] as number)) + 1;
  }
  return Math.ceil(sum);
}

function eachCrossing(
  ring: readonly number[],
  width: number,
  height: number,
  on: (x: number, y: number) => void,
): void {
  const fine = (i: number): number => Math.trunc(scale * (ring[i % ring.length] as number) + 0.5);
  const cross = (x: number, v: number): void => {
    const y = (v + 0.5) / scale - 0.5;
    on(x, Math.ceil(Math.min(Math.max(y, 0), height)));
  };
  for (let i = 0; i < ring.length; i += 2) {
    let [xs, ys, xe, ye] = [fine(i), fine(i + 1), fine(i + 2), fine(i + 3)];
    const [dx, dy] = [Math.abs(xe - xs), Math.abs(ye - ys)];
    if ((dx >= dy && xs > xe) || (dx < dy && ys > ye)) [xs, ys, xe, ye] = [xe, ye, xs, ys];
    const first = Math.max(0, Math.ceil((Math.min(xs, xe) - 2) / scale));
    const last = Math.min(width - 1, Math.floor((Math.max(xs, xe) - 3) / scale));
    if (dx >= dy) {
      const slope = (ye - ys) / dx;
      const rowAt = (u: number): number => Math.trunc(ys + slope * (u - xs) + 0.5);
      for (let x = first; x <= last; x++) {
        const u = scale * x + 2;
        cross(x, Math.min(rowAt(u), rowAt(u + 1)));
      }
      continue;
    }
    const slope = (xe - xs) / dy;
    const columnAt = (d: number): number => Math.trunc(xs + slope * d + 0.5);
    for (let x = first; x <= last; x++) {
      // The first step beyond the centre line: reckoned, then corrected by the very arithmetic of a step.
      const beyond = (d: number): boolean =>
        slope > 0 ? columnAt(d) > scale * x + 2 : columnAt(d) <= scale * x + 2;
      let d = Math.min(dy, Math.max(1, Math.round((scale * x + 2.5 - xs) / slope)));
      while (d > 1 && beyond(d - 1)) d--;
      while (d < dy && !beyond(d)) d++;
      cross(x, ys + d - 1);
    }
  }
}

/** Fewer are sorted by insertion, and they come nearly in order. */
const few = 200;

/** Counts places, and knows which of them came an odd number of times: those are where a parity changes. */
class Places {
  readonly #marks: Uint32Array | null;
  readonly #list: Float64Array;
  #count = 0;

  constructor(most: number, pixels: number) {
    const marks = most > pixels * markedFrom;
    this.#marks = marks ? new Uint32Array((pixels >>> 5) + 1) : null;
    this.#list = new Float64Array(marks ? 0 : most);
  }

  toggle(place: number): void {
    if (!this.#marks) this.#list[this.#count++] = place;
    else {
      const word = Math.floor(place / 32);
      this.#marks[word] = ((this.#marks[word] as number) ^ (1 << (place % 32))) >>> 0;
    }
  }

  odd(): Float64Array {
    if (this.#marks) return placesOf(this.#marks);
    const sorted = ascending(this.#list.subarray(0, this.#count));
    let kept = 0;
    for (let i = 0; i < sorted.length; i++) {
      if (kept > 0 && sorted[kept - 1] === sorted[i]) kept--;
      else sorted[kept++] = sorted[i] as number;
    }
    return sorted.subarray(0, kept);
  }
}

function ascending(places: Float64Array): Float64Array {
  if (places.length > few) return places.sort();
  for (let i = 1; i < places.length; i++) {
    const place = places[i] as number;
    let at = i;
    for (; at > 0 && (places[at - 1] as number) > place; at--) places[at] = places[at - 1] as number;
    places[at] = place;
  }
  return places;
}

function placesOf(marks: Uint32Array): Float64Array {
  let count = 0;
  for (let i = 0; i < marks.length; i++) for (let w = marks[i] as number; w !== 0; w &= w - 1) count++;
  const places = new Float64Array(count);
  let at = 0;
  for (let i = 0; i < marks.length; i++)
    for (let w = marks[i] as number; w !== 0; w &= w - 1) places[at++] = 32 * i + 31 - Math.clz32(w & -w);
  return places;
}

/** Where any of several begins and ends; each is foreground from its first place to its second, and so on. */
export function union(rings: readonly Float64Array[]): Float64Array {
  if (rings.length === 1) return rings[0] as Float64Array;
  const half = rings.reduce((sum, ring) => sum + Math.ceil(ring.length / 2), 0);
  const starts = new Float64Array(half);
  const ends = new Float64Array(half);
  let count = 0;
  for (const ring of rings) {
    for (let i = 0; i < ring.length; i += 2) {
      starts[count] = ring[i] as number;
      ends[count++] = ring[i + 1] ?? Infinity;
    }
  }
  starts.sort();
  ends.sort();
  const places: number[] = [];
  for (let i = 0, j = 0, depth = 0; i < half || j < half;) {
    const [start, end] = [starts[i] ?? Infinity, ends[j] as number];
    // What begins where another ends goes on with it.
    if (i < half && start <= end) {
      if (depth++ === 0) places.push(start);
      i++;
    } else {
      if (--depth === 0) places.push(end);
      j++;
    }
  }
  return Float64Array.from(places);
}

/** Run lengths, background first, that add up to `pixels`. */
export function runsBetween(places: Float64Array, pixels: number): number[] {
  const runs: number[] = [];
  let last = 0;
  for (const place of places) {
    const at = Math.min(place, pixels);
    runs.push(at - last);
    last = at;
  }
  runs.push(pixels - last);
  return runs;
}
