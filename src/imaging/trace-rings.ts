/** A ring along pixel edges: its corners [x, y, x, y, ...] in whole pixels, closed by itself. */
type Ring = number[];

/** The outline of one region, whose pixels touch along edges, and those of its holes. */
export interface TracedRegion {
  readonly outer: Ring;
  readonly holes: readonly Ring[];
}

/** Mark of a pixel whose upper edge lies on a ring that was traced. */
const traced = 2;

/**
 * The regions of a mask, in the order of their first rows. Foreground lies to the left of whoever walks a ring, so outer
 * rings and holes turn opposite ways; where two pixels of the foreground touch in a corner alone, they are two regions.
 * Takes time in proportion to the pixels, however many rings there are, and beside the rings 8 bytes for each run of a row.
 *
 * `values`: row-major [height, width], 1 is foreground; traced pixels are marked in it.
 */
export function traceRegions(values: Uint8Array, width: number, height: number): TracedRegion[] {
  const runs = new Runs(values, width, height);
  const regions: { outer: Ring; holes: Ring[] }[] = [];
  /** By ring: the place of its region. */
  const regionOf: number[] = [];
  const holes: { ring: Ring; id: number; x: number; y: number }[] = [];
  let id = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      if (values[at] !== 1 || (y > 0 && values[at - width] !== 0)) continue;
      const { ring, area, left } = traceRing(values, width, height, [x, y], (px, py) =>
        runs.mark(px, py, id),
      );
      if (area > 0) regionOf[id] = regions.push({ outer: ring, holes: [] }) - 1;
      else holes.push({ ring, id, ...left });
      id++;
    }
  }
  // West of a hole's leftmost edge lies a run of its region, which begins at the region's outer ring or at a hole further west.
  holes.sort((a, b) => a.x - b.x || a.id - b.id);
  for (const { id: own, x, y } of holes) regionOf[own] = regionOf[runs.ringAt(x - 1, y)] as number;
  holes.sort((a, b) => a.id - b.id);
  for (const { ring, id: own } of holes) regions[regionOf[own] as number]?.holes.push(ring);
  return regions;
}

/** East, south, west, north. */
const [dx, dy] = [
  [1, 0, -1, 0],
  [0, 1, 0, -1],
] as const;
const west = 2;

/**
 * Walks a ring from the upper edge of a pixel, westwards, and marks the pixels whose upper edge it passes.
 * `onWestEdge` is told of every pixel whose western edge lies on it.
 */
function traceRing(
  values: Uint8Array,
  width: number,
  height: number,
  [startX, startY]: readonly [number, number],
  onWestEdge: (x: number, y: number) => void,
): { ring: Ring; area: number; left: { x: number; y: number } } {
  const filled = (x: number, y: number): boolean =>
    x >= 0 && y >= 0 && x < width && y < height && values[y * width + x] !== 0;
  const ring: Ring = [];
  let [x, y, direction] = [startX + 1, startY, west as number];
  let area = 0;
  let left = { x: Infinity, y: 0 };
  do {
    if (direction === west) values[y * width + x - 1] = traced;
    else if (direction === 1) onWestEdge(x, y);
    else if (direction === 3 && x < left.x) left = { x, y: y - 1 };
    const [stepX, stepY] = [dx[direction] as number, dy[direction] as number];
    area += y * stepX - x * stepY;
    x += stepX;
    y += stepY;
    const turned = turn(filled, x, y, direction);
    if (turned !== direction) ring.push(x, y);
    direction = turned;
  } while (x !== startX + 1 || y !== startY || direction !== west);
  return { ring, area, left };
}

/** The pixels ahead of a corner, to the left and to the right of who comes in a direction, from the corner. */
const ahead = [
  { left: [0, -1], right: [0, 0] },
  { left: [0, 0], right: [-1, 0] },
  { left: [-1, 0], right: [-1, -1] },
  { left: [-1, -1], right: [0, -1] },
] as const;

/** Round the pixel on the left where it ends here, else along whatever lies ahead. */
function turn(filled: (x: number, y: number) => boolean, x: number, y: number, direction: number): number {
  const { left, right } = ahead[direction] as (typeof ahead)[number];
  if (!filled(x + left[0], y + left[1])) return (direction + 3) % 4;
  return filled(x + right[0], y + right[1]) ? (direction + 1) % 4 : direction;
}

/** The rows' runs of foreground, and on which ring each begins. */
class Runs {
  readonly #firstOfRow: Int32Array;
  readonly #starts: Int32Array;
  readonly #rings: Int32Array;

  constructor(values: Uint8Array, width: number, height: number) {
    this.#firstOfRow = new Int32Array(height + 1);
    const eachStart = (on: (x: number) => void): void => {
      for (let y = 0; y < height; y++) {
        const row = y * width;
        for (let x = 0; x < width; x++)
          if (values[row + x] !== 0 && (x === 0 || values[row + x - 1] === 0)) on(x);
        this.#firstOfRow[y + 1] = count;
      }
    };
    let count = 0;
    eachStart(() => count++);
    this.#starts = new Int32Array(count);
    this.#rings = new Int32Array(count);
    count = 0;
    eachStart((x) => (this.#starts[count++] = x));
  }

  /** The place of the run that pixel (x, y) lies in. */
  #runAt(x: number, y: number): number {
    let [low, high] = [this.#firstOfRow[y] as number, (this.#firstOfRow[y + 1] as number) - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] as number) <= x) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The run that begins with pixel (x, y) begins on this ring. */
  mark(x: number, y: number, ring: number): void {
    this.#rings[this.#runAt(x, y)] = ring;
  }

  ringAt(x: number, y: number): number {
    return this.#rings[this.#runAt(x, y)] as number;
  }
}
