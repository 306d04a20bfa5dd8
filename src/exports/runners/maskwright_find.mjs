/** What predict.mjs finds by itself: a finder's peaks become boxes for the version's decoder. */

import { extentAbove, frameSide, inputSize, resizePlane, viewsOf } from "./maskwright_views.mjs";

/**
 * The objects of an image that the version was taught, the best first: see Version.find of predict.mjs. `look` gives the
 * finder's values, `answer` a mask and its score for a box, by a focus and the rules of small boxes.
 */
export async function findObjects(config, image, asked, { look, answer }) {
  const { finder: rules, zoom, refine, family } = config;
  if (!rules) throw new RangeError("this version has no finder: give a box or a point");
  const { label, threshold = rules.threshold, most, region, exclude } = asked;
  const meant = label === null ? rules.labels : labelsMeant(label, rules.labels);
  if (!(threshold >= 0 && threshold <= 1)) throw new RangeError("a threshold lies from 0 to 1");
  const size = [image.height, image.width];
  const floor = Math.max(rules.lowest_logit, logitOf(threshold, rules.calibration));
  const all = peaksOf(await look(), size, rules, { floor, isSam2: family === "sam2" }).filter(
    (peak) => meant.includes(rules.labels[peak.label]) && isInside(peak.at, region, exclude),
  );
  const peaks = all.slice(0, most);
  const own = sharedZoom(zoom, rules);
  const close = closeUp(peaks, size, own, config);
  const objects = [];
  for (const [i, peak] of peaks.entries()) {
    const focus = close[i] ? { zoom: own, refine } : { zoom: null, refine: null };
    const { mask, score } = await answer(peak.box, focus, rules.near);
    const bbox = extentAbove(mask, size, 0, 0);
    if (!bbox) continue;
    const area = mask.reduce((sum, value) => sum + value, 0);
    const labelScore = scoreOf(peak.logit, rules.calibration);
    objects.push({ label: rules.labels[peak.label], labelScore, score, mask, bbox, area });
  }
  return { objects: withoutTwins(objects, rules.mask_overlap), left: all.length - peaks.length };
}

/**
 * Centres that the finder sees on an image of `size` [height, width], the highest first: `label` by its place, `logit`, `box`
 * in pixels and the centre, `at`. `values` [cells, 4 * outputs], cells row by row.
 */
function peaksOf(values, size, { grid, labels, outputs, ...rules }, { floor, isSam2 }) {
  const at = (y, x, output) =>
    values[(((y >> 1) * (grid / 2) + (x >> 1)) * 4 + (y & 1) * 2 + (x & 1)) * outputs + output];
  const [height, width] = isSam2 ? [frameSide, frameSide] : inputSize(...size);
  const unit = frameSide / grid;
  const [rows, columns] = [Math.ceil(height / unit), Math.ceil(width / unit)];
  const [across, down] = [(unit * size[1]) / width, (unit * size[0]) / height];
  const isHighest = (logit, y, x, output) => {
    for (let r = Math.max(0, y - 1); r <= Math.min(rows - 1, y + 1); r++)
      for (let c = Math.max(0, x - 1); c <= Math.min(columns - 1, x + 1); c++) {
        const other = at(r, c, output);
        // The first of two that are equal counts.
        if (other > logit || (other === logit && (r < y || (r === y && c < x)))) return false;
      }
    return true;
  };
  const found = [];
  for (let label = 0; label < labels.length; label++) {
    const centre = labels.length + label;
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++) {
        const logit = at(y, x, centre);
        if (!(logit > floor) || !isHighest(logit, y, x, centre)) continue;
        const side = (i) => rules.side_unit * Math.exp(Math.min(5, at(y, x, 2 * labels.length + i)));
        const [cx, cy] = [x + 0.5, y + 0.5];
        const box = within(
          [(cx - side(0)) * across, (cy - side(1)) * down, (cx + side(2)) * across, (cy + side(3)) * down],
          size,
        );
        const point = [Math.min(size[1] - 1, cx * across), Math.min(size[0] - 1, cy * down)];
        found.push({ label, logit, box, at: point });
      }
  }
  const kept = [];
  for (const peak of found.sort((a, b) => b.logit - a.logit).slice(0, rules.most_centres))
    if (kept.every(({ box }) => boxIou(box, peak.box) <= rules.box_overlap)) kept.push(peak);
  return kept;
}

/** The part of a box on the image, in whole pixels and one of them at least. */
function within([x0, y0, x1, y1], [height, width]) {
  const left = Math.max(0, Math.min(width - 1, Math.floor(x0)));
  const top = Math.max(0, Math.min(height - 1, Math.floor(y0)));
  return [
    left,
    top,
    Math.max(left + 1, Math.min(width, Math.ceil(x1))),
    Math.max(top + 1, Math.min(height, Math.ceil(y1))),
  ];
}

function boxIou(a, b) {
  const across = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const down = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const area = (box) => (box[2] - box[0]) * (box[3] - box[1]);
  return (across * down) / (area(a) + area(b) - across * down);
}

/** The share of peaks of a logit that are objects, and the logit of a share. */
const scoreOf = (logit, { slope, offset }) => 1 / (1 + Math.exp(-(slope * logit + offset)));
const logitOf = (score, { slope, offset }) => (Math.log(score / (1 - score)) - offset) / slope;

/** Whether a peak lies where it was asked for. */
function isInside([x, y], region, exclude) {
  const inside = ([x0, y0, x1, y1]) => x >= x0 && x < x1 && y >= y0 && y < y1;
  return (!region || inside(region)) && !exclude.some(inside);
}

/** Windows of boxes that a version found itself: neighbours share more of them than of boxes that were drawn. */
const sharedZoom = (zoom, { widest_raster: widest, box_and_room: room }) =>
  zoom && { ...zoom, raster: Math.max(zoom.raster ?? 0.25, Math.min(widest, 1 - room / zoom.context)) };

/** For each peak, whether its box's windows are encoded; the first `most_windows` windows are. */
function closeUp(peaks, size, zoom, { views: rules, finder }) {
  const windows = new Set();
  return peaks.map(({ box }) => {
    if (!zoom) return true;
    const { views } = viewsOf({ box, points: [] }, size, zoom, rules);
    const own = new Set([...windows, ...views.map(({ region }) => region.join())]);
    if (own.size > finder.most_windows) return false;
    for (const one of own) windows.add(one);
    return true;
  });
}

/** Objects, the best first, whose masks show another than all before. */
function withoutTwins(objects, overlap) {
  const kept = [];
  for (const one of objects) {
    const isNew = kept.every(
      (other) => boxIou(other.bbox, one.bbox) < overlap / 2 || maskIou(other.mask, one.mask) <= overlap,
    );
    if (isNew) kept.push(one);
  }
  return kept;
}

function maskIou(a, b) {
  let [both, either] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    both += a[i] & b[i];
    either += a[i] | b[i];
  }
  return both / either;
}

// Small boxes are decoded from the image tokens near them.

const tokensAcross = 64;
const tokenPixels = frameSide / tokensAcross;

/** Whether a box, in pixels of SAM's frame, is small enough for that. */
export const isNear = ([x0, y0, x1, y1], { side, largest_share: share }) =>
  Math.max(x1 - x0, y1 - y0) <= side * tokenPixels * share;

/**
 * What near.onnx looks at for a box: the first token of its square, [column, row], the places of all tokens, and the log of
 * how many each stands for.
 */
export function tokensNear([x0, y0, x1, y1], { side, stride }) {
  const first = (from, to) =>
    Math.min(tokensAcross - side, Math.max(0, Math.round((from + to) / 2 / tokenPixels - side / 2)));
  const square = [first(x0, x1), first(y0, y1)];
  const own = Array.from(
    { length: side * side },
    (_, i) => (square[1] + Math.floor(i / side)) * tokensAcross + square[0] + (i % side),
  );
  const inside = new Set(own);
  const across = tokensAcross / stride;
  const samples = Array.from(
    { length: across ** 2 },
    (_, i) =>
      (Math.floor(i / across) * stride + stride / 2) * tokensAcross + (i % across) * stride + stride / 2,
  );
  const outside = samples.filter((place) => !inside.has(place)).length;
  const each = Math.log((tokensAcross ** 2 - own.length) / outside);
  return {
    square,
    places: Int32Array.from([...own, ...samples]),
    logCounts: Float32Array.from([
      ...own.map(() => 0),
      ...samples.map((place) => (inside.has(place) ? -1e9 : each)),
    ]),
  };
}

/** Logits of a square [64, 64] in a view of [height, width], which is `inner` [h, w] in SAM's frame. */
export function squareInView(logits, square, { side }, { inner, size, nothing }) {
  const [lowRes, cells] = [256, side * 4];
  const plane = new Float32Array(lowRes * lowRes).fill(nothing);
  for (let y = 0; y < cells; y++)
    plane.set(logits.subarray(y * cells, (y + 1) * cells), (square[1] * 4 + y) * lowRes + square[0] * 4);
  const frame = resizePlane(plane, [lowRes, lowRes], [frameSide, frameSide]);
  const [h, w] = inner;
  const part = new Float32Array(h * w);
  for (let y = 0; y < h; y++) part.set(frame.subarray(y * frameSide, y * frameSide + w), y * w);
  return resizePlane(part, inner, size);
}

// Names of labels.

const plain = (name) => name.normalize("NFKC").trim().toLowerCase().replaceAll(/\s+/g, " ");
const plurals = [
  ["s", ""],
  ["es", ""],
  ["ies", "y"],
  ["ves", "f"],
  ["ves", "fe"],
];
const isPluralOf = (many, one) =>
  one.length >= 3 &&
  !many.endsWith("ss") &&
  plurals.some(([end, rest]) => many.endsWith(end) && many.slice(0, -end.length) + rest === one);

/** The labels that a name means: as written, else by case and space, else by an English plural. RangeError where none. */
function labelsMeant(name, labels) {
  const named = labels.filter((label) => label !== null);
  const asked = plain(name);
  for (const fits of [
    (label) => label === name,
    (label) => plain(label) === asked,
    (label) => isPluralOf(asked, plain(label)) || isPluralOf(plain(label), asked),
  ]) {
    const meant = named.filter(fits);
    if (meant.length > 0) return meant;
  }
  throw new RangeError(
    `label ${JSON.stringify(name)} is not known; these are: ${named.join(", ") || "none"}`,
  );
}
