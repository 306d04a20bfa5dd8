import type { Fit } from "../domain/model-family.ts";
import type { Box, Size } from "./types.ts";

/** The side of SAM's square input; an image fills it from the top left, zeros the rest. SAM 2's fills all of it. */
export const frameSide = 1024;
/** The side of the low-res logits: a quarter of the frame. */
export const lowResSide = 256;

/**
 * [height, width] of the image inside the 1024 frame.
 * Source: segment-anything utils/transforms.py, get_preprocess_shape; sam2 utils/transforms.py, SAM2Transforms.
 */
export function inputSize([height, width]: Size, fit: Fit = "padded"): [number, number] {
  if (fit === "stretched") return [frameSide, frameSide];
  const scale = frameSide / Math.max(height, width);
  // A side of 0 would be no image: SAM itself fails beyond 2048 : 1.
  return [Math.max(1, Math.floor(height * scale + 0.5)), Math.max(1, Math.floor(width * scale + 0.5))];
}

/**
 * [x, y, ...] pairs from pixels of the original image to pixels of the 1024 frame, before the prompt encoder's half-pixel shift.
 * Each axis has its own factor, as the resized sides are whole. Source: utils/transforms.py, apply_coords.
 */
export function toInputFrame(pairs: ArrayLike<number>, size: Size, fit: Fit = "padded"): Float32Array {
  const [inputHeight, inputWidth] = inputSize(size, fit);
  const scaleX = inputWidth / size[1];
  const scaleY = inputHeight / size[0];
  return Float32Array.from(pairs, (value, i) => value * (i % 2 === 0 ? scaleX : scaleY));
}

/** What a training loss compares low-res logits with; both [256, 256], row-major. */
export interface LowResTarget {
  /** The share of foreground in the part of each cell that lies on the image, in [0, 1]. */
  readonly target: Float32Array;
  /** 1 where any part of the cell lies on the image, 0 on the padding. */
  readonly valid: Float32Array;
}

/**
 * Values at the original size, row-major [height, width], averaged by area over the low-res cells of the padded frame:
 * `mean` and `valid` [256, 256] as in LowResTarget; the padding's mean is 0.
 */
export function lowResMean(
  values: ArrayLike<number>,
  size: Size,
  fit: Fit = "padded",
): { mean: Float32Array; valid: Float32Array } {
  const { sums, cells } = lowResSums(values, lowResEdges(size, fit), [0, 0, size[1], size[0]]);
  const mean = new Float32Array(lowResSide * lowResSide);
  const valid = new Float32Array(lowResSide * lowResSide);
  forCells(cells, (at, top, bottom, left, right) => {
    mean[at] = (sums[at] as number) / ((bottom - top) * (right - left));
    valid[at] = 1;
  });
  return { mean, valid };
}

/**
 * The same of values that are known for a part of the image alone: `values` row-major of `part` [x0, y0, x1, y1]. What else
 * of the image a cell covers counts as `elsewhere` [256, 256] says, which is what cells that touch no pixel of the part keep.
 */
export function lowResMeanOfPart(
  values: Float32Array,
  part: Box,
  size: Size,
  elsewhere: Float32Array,
  fit: Fit = "padded",
): Float32Array {
  const { sums, cells } = lowResSums(values, lowResEdges(size, fit), part);
  const out = elsewhere.slice();
  forCells(cells, (at, top, bottom, left, right) => {
    const width = Math.min(right, part[2]) - Math.max(left, part[0]);
    const height = Math.min(bottom, part[3]) - Math.max(top, part[1]);
    if (width <= 0 || height <= 0) return;
    const area = (bottom - top) * (right - left);
    const rest = area - width * height;
    out[at] = ((sums[at] as number) + rest * (elsewhere[at] as number)) / area;
  });
  return out;
}

/** Edges of the cells that lie on the image, in original pixels. */
export interface Cells {
  readonly rows: readonly number[];
  readonly columns: readonly number[];
}

/** Hands out every cell on the image: its place and its edges in pixels. */
function forCells(
  { rows, columns }: Cells,
  take: (at: number, top: number, bottom: number, left: number, right: number) => void,
): void {
  for (let r = 0; r < rows.length - 1; r++) {
    const [top, bottom] = [rows[r] as number, rows[r + 1] as number];
    for (let c = 0, at = r * lowResSide; c < columns.length - 1; c++, at++)
      take(at, top, bottom, columns[c] as number, columns[c + 1] as number);
  }
}

/** The sum over each cell [256, 256] of the part's values, each pixel by the share of it that lies in the cell. */
function lowResSums(
  values: ArrayLike<number>,
  cells: Cells,
  [x0, y0, x1, y1]: Box,
): { sums: Float64Array; cells: Cells } {
  const { rows, columns } = cells;
  const sums = new Float64Array(lowResSide * lowResSide);
  const partWidth = x1 - x0;
  const prefix = new Float64Array(partWidth + 1);
  const across = new Float64Array(columns.length - 1);
  // Each edge within the part as a whole pixel and what it covers of that one; cells beyond the part sum up to 0.
  const within = Float64Array.from(columns, (edge) => Math.max(0, Math.min(partWidth, edge - x0)));
  const whole = Int32Array.from(within, Math.floor);
  let [first, last] = [0, across.length];
  while (first < last && within[first + 1] === 0) first++;
  while (last > first && within[last - 1] === partWidth) last--;
  let cell = 0;
  while (cell < rows.length - 2 && (rows[cell + 1] as number) <= y0) cell++;
  for (let y = y0, from = 0; y < y1; y++, from += partWidth) {
    let sum = 0;
    for (let x = 0; x < partWidth; x++) {
      sum += values[from + x] as number;
      prefix[x + 1] = sum;
    }
    let before = integral(prefix, whole[first] as number, within[first] as number);
    for (let c = first; c < last; c++) {
      const until = integral(prefix, whole[c + 1] as number, within[c + 1] as number);
      across[c] = until - before;
      before = until;
    }
    // The cells whose rows overlap [y, y + 1); an upscaled image has several to a pixel.
    for (let r = cell; r < rows.length - 1 && (rows[r] as number) < y + 1; r++) {
      const overlap = Math.min(y + 1, rows[r + 1] as number) - Math.max(y, rows[r] as number);
      const at = r * lowResSide;
      for (let c = first; c < last; c++) {
        sums[at + c] = (sums[at + c] as number) + overlap * (across[c] as number);
      }
      if ((rows[r + 1] as number) <= y + 1) cell = r + 1;
    }
  }
  return { sums, cells };
}

/** The cells that lie on an image of this size. */
export function lowResEdges(size: Size, fit: Fit = "padded"): Cells {
  const [inputHeight, inputWidth] = inputSize(size, fit);
  return { rows: edgesOf(inputHeight, size[0]), columns: edgesOf(inputWidth, size[1]) };
}

/** Edges of the low-res cells along one axis, in original pixels; the last cell ends with the image. */
function edgesOf(inputSide: number, side: number): number[] {
  const cells = Math.ceil(inputSide / 4);
  return Array.from({ length: cells + 1 }, (_, i) => Math.min(side, (4 * i * side) / inputSide));
}

/** The sum of a row up to a fractional position, `whole` pixels and more, from its prefix sums. */
function integral(prefix: Float64Array, whole: number, position: number): number {
  const below = prefix[whole] as number;
  return position === whole ? below : below + (position - whole) * ((prefix[whole + 1] as number) - below);
}
