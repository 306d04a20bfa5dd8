/** Which parts of an image predict.mjs encodes for a prompt, and how their answers are joined. Pixels are 8-bit RGB. */

/** The side of SAM's square input. */
export const frameSide = 1024;

/** [height, width] of an image inside the 1024 frame. */
export function inputSize(height, width) {
  const scale = frameSide / Math.max(height, width);
  return [Math.max(1, Math.floor(height * scale + 0.5)), Math.max(1, Math.floor(width * scale + 0.5))];
}

// Pixels.

export function cropped({ width, data }, [x0, y0, x1, y1]) {
  const out = new Uint8Array((x1 - x0) * (y1 - y0) * 3);
  for (let y = y0, to = 0; y < y1; y++, to += (x1 - x0) * 3)
    out.set(data.subarray((y * width + x0) * 3, (y * width + x1) * 3), to);
  return { width: x1 - x0, height: y1 - y0, data: out };
}

/** Pillow's antialiased bilinear in its own fixed point (src/libImaging/Resample.c), one axis after the other. */
export function resized(image, height, width) {
  const across = image.width === width ? image : resizedAlong(image, width, true);
  return across.height === height ? across : resizedAlong(across, height, false);
}

const precision = 22;

function resizedAlong({ width, height, data }, side, horizontal) {
  const length = horizontal ? width : height;
  const [outWidth, outHeight] = horizontal ? [side, height] : [width, side];
  const out = new Uint8Array(outWidth * outHeight * 3);
  const scale = length / side;
  const support = Math.max(scale, 1);
  // From one pixel to the next along the axis and across it, on both sides.
  const step = horizontal ? 3 : width * 3;
  const outStep = horizontal ? 3 : outWidth * 3;
  const [lines, line, outLine] = horizontal ? [height, width * 3, outWidth * 3] : [width, 3, 3];
  for (let i = 0; i < side; i++) {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const count = Math.min(length, Math.trunc(centre + support + 0.5)) - first;
    const exact = Array.from({ length: count }, (_, j) =>
      Math.max(0, 1 - Math.abs((j + first - centre + 0.5) * (1 / support))),
    );
    const sum = exact.reduce((a, b) => a + b, 0);
    const weights = exact.map((weight) => Math.trunc(0.5 + (weight / sum) * 2 ** precision));
    for (let l = 0; l < lines; l++) {
      for (let c = 0; c < 3; c++) {
        let value = 1 << (precision - 1);
        for (let j = 0, at = l * line + first * step + c; j < count; j++, at += step)
          value += weights[j] * data[at];
        out[l * outLine + i * outStep + c] = Math.min(value >> precision, 255);
      }
    }
  }
  return { width: outWidth, height: outHeight, data: out };
}

/** Of ImageNet, in 8-bit units. */
const mean = [123.675, 116.28, 103.53];
const std = [58.395, 57.12, 57.375];

/** Pixels, channels last, in SAM's frame [3, 1024, 1024], normalised; what they do not cover is 0. */
export function normalisedFrame({ width, height, data }) {
  const plane = frameSide * frameSide;
  const frame = new Float32Array(3 * plane);
  for (let y = 0, from = 0; y < height; y++) {
    for (let x = 0, to = y * frameSide; x < width; x++, to++) {
      for (let c = 0; c < 3; c++, from++) frame[c * plane + to] = (data[from] - mean[c]) / std[c];
    }
  }
  return frame;
}

/** Both sides to 1024, each by itself, antialiased as torchvision does and never rounded: floats, 0 to 255. */
export function stretched({ width, height, data }) {
  const rows = stretchedRows(data, height, width);
  return { width: frameSide, height: frameSide, data: stretchedRows(rows, frameSide, height) };
}

/** [rows, columns, 3] to [1024, rows, 3]: each row resized, and turned. */
function stretchedRows(data, rows, columns) {
  const out = new Float32Array(frameSide * rows * 3);
  const scale = columns / frameSide;
  const reach = Math.max(scale, 1);
  for (let i = 0; i < frameSide; i++) {
    const centre = scale * (i + 0.5);
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const count = Math.min(columns, Math.trunc(centre + reach + 0.5)) - first;
    const near = Array.from({ length: count }, (_, j) =>
      Math.max(0, 1 - Math.abs((j + first - centre + 0.5) / reach)),
    );
    const sum = near.reduce((a, b) => a + b, 0);
    for (let row = 0, to = i * rows * 3; row < rows; row++)
      for (let c = 0; c < 3; c++, to++) {
        let value = 0;
        for (let j = 0, at = (row * columns + first) * 3 + c; j < count; j++, at += 3)
          value += (near[j] / sum) * data[at];
        out[to] = value;
      }
  }
  return out;
}

// Views: which parts of an image are encoded for a prompt.

/** The square window round a box, or round clicks, moved inside the image; [x0, y0, x1, y1] in whole pixels. */
function windowOf({ box, points }, [height, width], zoom, rules) {
  const whole = [0, 0, width, height];
  const extent = box ?? extentOf(points);
  if (!extent) return whole;
  const [x0, y0, x1, y1] = extent;
  const longer = Math.max(x1 - x0, y1 - y0) * zoom.context;
  const share = zoom.raster ?? rules.raster;
  const wanted = box ? longer : Math.max(longer, zoom.click_side);
  const step = 2 ** share;
  const steps = Math.ceil(Math.log(Math.max(1, wanted / rules.least_side)) / Math.log(step) - 1e-9);
  const side = Math.ceil(rules.least_side * step ** steps);
  if (side >= rules.whole_share * width && side >= rules.whole_share * height) return whole;
  const raster = Math.max(1, Math.round(side * share));
  const span = (middle, length) => {
    if (side >= length) return [0, length];
    const start = Math.max(0, Math.min(length - side, Math.round((middle - side / 2) / raster) * raster));
    return [start, start + side];
  };
  const [left, right] = span((x0 + x1) / 2, width);
  const [top, bottom] = span((y0 + y1) / 2, height);
  return [left, top, right, bottom];
}

function extentOf(points) {
  const foreground = points.filter(([, , label]) => label === 1);
  const some = foreground.length > 0 ? foreground : points;
  if (some.length === 0) return null;
  const [xs, ys] = [some.map(([x]) => x), some.map(([, y]) => y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/** A window cut into overlapping parts, row by row. */
function tilesOf([x0, y0, x1, y1], tiles, rules) {
  const cut = (from, to) => {
    const length = to - from;
    const count = Math.max(1, Math.min(tiles, Math.floor(length / rules.least_tile)));
    const side = Math.min(length, Math.ceil(length / (count - (count - 1) * rules.overlap)));
    return Array.from({ length: count }, (_, i) => {
      const start = from + (count > 1 ? Math.round((i * (length - side)) / (count - 1)) : 0);
      return [start, start + side];
    });
  };
  return cut(y0, y1).flatMap(([top, bottom]) =>
    cut(x0, x1).map(([left, right]) => [left, top, right, bottom]),
  );
}

/** A prompt as it reads in a region, or null where nothing of it lies there. */
function seenIn(region, { box, points }) {
  const [left, top, right, bottom] = region;
  const inside = points
    .filter(([x, y]) => x >= left && x < right && y >= top && y < bottom)
    .map(([x, y, label]) => [x - left, y - top, label]);
  let own = null;
  if (box) {
    const [x0, x1] = [Math.max(box[0], left) - left, Math.min(box[2], right) - left];
    const [y0, y1] = [Math.max(box[1], top) - top, Math.min(box[3], bottom) - top];
    if (x1 - x0 >= 1 && y1 - y0 >= 1) own = [x0, y0, x1, y1];
  }
  return own || inside.length > 0 ? { region, box: own, points: inside } : null;
}

export function viewsOf(prompt, size, zoom, rules) {
  const whole = [0, 0, size[1], size[0]];
  if (!zoom) return { window: whole, views: [{ region: whole, ...prompt }] };
  const window = windowOf(prompt, size, zoom, rules);
  const views = tilesOf(window, zoom.tiles, rules).map((region) => seenIn(region, prompt));
  return { window, views: views.filter((view) => view !== null) };
}

/** Logits of a window, row-major, from those of its views: each counts by its distance from its own edges. */
export function stitch(window, parts, rules) {
  const [left, top, right, bottom] = window;
  const [width, height] = [right - left, bottom - top];
  if (parts.length === 1 && parts[0].region.join() === window.join()) return parts[0].logits;
  const sums = new Float32Array(width * height);
  const weights = new Float32Array(width * height);
  const nearness = (length) => Float32Array.from({ length }, (_, i) => Math.min(i + 1, length - i) / length);
  for (const { region, logits } of parts) {
    const [w, h] = [region[2] - region[0], region[3] - region[1]];
    const [across, down] = [nearness(w), nearness(h)];
    for (let y = 0, from = 0; y < h; y++) {
      let to = (region[1] - top + y) * width + region[0] - left;
      for (let x = 0; x < w; x++, from++, to++) {
        const weight = across[x] * down[y];
        sums[to] += weight * Math.max(-rules.bound, Math.min(rules.bound, logits[from]));
        weights[to] += weight;
      }
    }
  }
  return sums.map((sum, i) => (weights[i] > 0 ? sum / weights[i] : rules.nothing));
}

/** Bilinear, pixel centres at halves, not antialiased; row-major planes, sizes [height, width]. */
export function resizePlane(plane, from, to) {
  if (from[0] === to[0] && from[1] === to[1]) return plane;
  const taps = (length, wanted) =>
    Array.from({ length: wanted }, (_, i) => {
      const at = Math.max(0, ((i + 0.5) * length) / wanted - 0.5);
      const low = Math.min(Math.floor(at), length - 1);
      return { low, high: Math.min(low + 1, length - 1), share: at - low };
    });
  const columns = taps(from[1], to[1]);
  const out = new Float32Array(to[0] * to[1]);
  let i = 0;
  for (const down of taps(from[0], to[0])) {
    const [upper, lower] = [down.low * from[1], down.high * from[1]];
    for (const { low, high, share } of columns) {
      const above = (1 - share) * plane[upper + low] + share * plane[upper + high];
      const below = (1 - share) * plane[lower + low] + share * plane[lower + high];
      out[i++] = (1 - down.share) * above + down.share * below;
    }
  }
  return out;
}

/** What brings an area to `most` pixels at most, in steps of the fourth root of 2. */
export const fewerScale = ([x0, y0, x1, y1], most) =>
  2 ** (-Math.max(0, Math.ceil(2 * Math.log2(((x1 - x0) * (y1 - y0)) / most))) / 4);

/** Round all that is above a threshold, with room; null where nothing is. */
export function extentAbove(plane, [height, width], threshold, room) {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (plane[i] <= threshold) continue;
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), y];
    }
  }
  if (right < 0) return null;
  return [
    Math.max(0, left - room),
    Math.max(0, top - room),
    Math.min(width, right + 1 + room),
    Math.min(height, bottom + 1 + room),
  ];
}

/** Row-major indexes of the pixels that a point head judges: of too many, those whose logits are nearest to 0. */
export function choosePoints(plane, { faint_logit: faint, most_points: most }) {
  const points = [];
  for (let i = 0; i < plane.length; i++) if (plane[i] > faint) points.push(i);
  if (most === null || points.length <= most) return Int32Array.from(points);
  const step = (i) => Math.min(1023, Math.floor((Math.abs(plane[i]) * 1023) / 20));
  return Int32Array.from(points.sort((a, b) => step(a) - step(b) || a - b).slice(0, most)).sort();
}
