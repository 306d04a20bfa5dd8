/**
 * Answers prompts with the version in this folder, as maskwright serves it.
 *
 *     node predict.mjs image.jpg --box 10 20 200 180 [--point 50 60 1 ...] --out mask.png
 *     node predict.mjs pixels.rgb --raw 640 480 --point 50 60 1 --out mask.pgm
 *     node predict.mjs image.jpg --label stamp --out numbers.png
 *
 * or, from a program (a browser's too, with `read` to fetch a file of the folder as bytes):
 *
 *     import { openVersion } from "./predict.mjs";
 *     const version = await openVersion({ read });
 *     const { mask, score } = await version.predict({ width, height, data }, { box: [10, 20, 200, 180] });
 *     const { objects } = await version.find({ width, height, data }, { label: "stamp" });
 *
 * Needs onnxruntime-web, which reports nothing to anybody; image files and PNG need sharp, raw 8-bit RGB and PGM nothing.
 * Boxes are [x0, y0, x1, y1] and points [x, y, label], label 1 foreground and 0 background, in pixels of the image as
 * its EXIF orientation turns it.
 * Views, stitching and refining follow config.json.
 */

import { main, usage, wasStarted } from "./maskwright_cli.mjs";
import { findObjects, isNear, squareInView, tokensNear } from "./maskwright_find.mjs";
import {
  choosePoints,
  cropped,
  extentAbove,
  fewerScale,
  frameSide,
  inputSize,
  normalisedFrame,
  resized,
  resizePlane,
  stitch,
  stretched,
  viewsOf,
} from "./maskwright_views.mjs";

export { readImage } from "./maskwright_cli.mjs";

class Version {
  #ort;
  #config;
  #sessions;
  #isSam2;
  /** Embeddings of the last image's views, for its next prompt. */
  #kept = { image: null, views: new Map() };

  constructor(ort, config, sessions) {
    this.#ort = ort;
    this.#config = config;
    this.#isSam2 = config.family === "sam2";
    this.#sessions = sessions;
  }

  /**
   * One object of an image, { width, height, data } with 8-bit RGB. Gives `mask`, a Uint8Array of 0 and 1, row-major, and
   * `score`, its IoU prediction. Throws a RangeError for a prompt that is none.
   */
  async predict(image, { box = null, points = [] }) {
    const { width, height } = image;
    if (!box && points.length === 0) throw new RangeError("a prompt has a box or a point");
    if (
      box &&
      !(
        0 <= box[0] &&
        box[0] < box[2] &&
        box[2] <= width &&
        0 <= box[1] &&
        box[1] < box[3] &&
        box[3] <= height
      )
    )
      throw new RangeError(`box ${box.join()} lies outside the image, ${width} x ${height}, or has no area`);
    for (const [x, y, label] of points) {
      if (!(x >= 0 && y >= 0 && x <= width && y <= height && (label === 0 || label === 1)))
        throw new RangeError(`point ${x}, ${y}, ${label} lies outside the image, or its label is not 0 or 1`);
    }
    const { zoom, refine } = this.#config;
    // Clicks say where an object is, not how large: it is found in one view before it is cut into tiles.
    const twoSteps = zoom !== null && !box && zoom.tiles > 1;
    const focus = { zoom: twoSteps ? { ...zoom, tiles: 1 } : zoom, refine };
    const first = await this.#answer(image, { box, points }, focus, { drawn: box });
    if (!twoSteps) return first;
    const found = extentAbove(first.mask, [height, width], 0, 0);
    return found ? this.#answer(image, { box: found, points }, { zoom, refine }, { drawn: null }) : first;
  }

  /**
   * The objects of an image that the version was taught, without prompts, the best first: `label` (a name; all where it is
   * left out), `threshold` (a label score; the version's own), `most` objects, `region` (a box) and boxes to `exclude`.
   * Gives `objects`, { label, labelScore, score, mask, bbox, area }, and how many `most` left out. Throws a RangeError
   * where the version has no finder, or for a label that it does not know.
   */
  async find(image, { label = null, threshold, most = 100, region = null, exclude = [] } = {}) {
    return findObjects(
      this.#config,
      image,
      { label, threshold, most, region, exclude },
      {
        look: async () => {
          const embedding = await this.#embedding(image, [0, 0, image.width, image.height]);
          const { finds } = await this.#sessions.finder.run({ image_embeddings: this.#tokens(embedding) });
          return finds.data;
        },
        answer: (box, focus, near) => this.#answer(image, { box, points: [] }, focus, { drawn: box, near }),
      },
    );
  }

  async #answer(image, prompt, { zoom, refine }, { drawn, near = null }) {
    const { width, height } = image;
    const { views: rules } = this.#config;
    const { window, views } = viewsOf(prompt, [height, width], zoom, rules);
    const small = near !== null && views.every((view) => isNear(this.#framed(view).box, near));
    const parts = [];
    for (const view of views) {
      const embedding = await this.#embedding(image, view.region);
      const answer = small ? await this.#decodeNear(embedding, view) : await this.#decode(embedding, view);
      parts.push({ region: view.region, ...answer });
    }
    let logits = stitch(window, parts, rules);
    let score = parts.reduce((sum, part) => sum + part.score, 0) / Math.max(1, parts.length);
    if (refine && parts.length > 0) {
      logits = await this.#refined(logits, image, window, drawn);
      score = Math.max(0, Math.min(1, score + refine.score_shift));
    }
    const mask = new Uint8Array(width * height);
    const [left, top, right, bottom] = window;
    for (let y = top, from = 0; y < bottom; y++)
      for (let x = left; x < right; x++, from++) if (logits[from] > 0) mask[y * width + x] = 1;
    return { mask, score };
  }

  async #embedding(image, region) {
    if (this.#kept.image !== image) this.#kept = { image, views: new Map() };
    const { views } = this.#kept;
    const key = region.join();
    if (!views.has(key)) {
      const { encoder } = this.#sessions;
      const out = await encoder.run({ [encoder.inputNames[0]]: this.#input(cropped(image, region)) });
      views.set(key, this.#isSam2 ? out : { image_embeddings: out[encoder.outputNames[0]] });
    }
    return views.get(key);
  }

  #input(view) {
    const small = this.#isSam2 ? stretched(view) : resized(view, ...inputSize(view.height, view.width));
    const { width, height, data } = small;
    const { Tensor } = this.#ort;
    if (this.#config.encoder_input === "rgb")
      return new Tensor("float32", Float32Array.from(data), [height, width, 3]);
    return new Tensor("float32", normalisedFrame(small), [1, 3, frameSide, frameSide]);
  }

  /** The image tokens of a view, [1, 256, 64, 64]. */
  #tokens(embedding) {
    return this.#isSam2 ? embedding.image_embed : embedding.image_embeddings;
  }

  /** A view's prompt in pixels of the 1024 frame: what of the frame is the view, `inner` [h, w], the box, and a point. */
  #framed({ region, box }) {
    const size = [region[3] - region[1], region[2] - region[0]];
    const inner = this.#isSam2 ? [frameSide, frameSide] : inputSize(...size);
    const frame = ([x, y]) => [x * (inner[1] / size[1]), y * (inner[0] / size[0])];
    return { size, inner, frame, box: box && [...frame(box), ...frame(box.slice(2))] };
  }

  /** A small box, from the image tokens near it. */
  async #decodeNear(embedding, view) {
    const { Tensor } = this.#ort;
    const { finder, views } = this.#config;
    const { box, size, inner } = this.#framed(view);
    const { square, places, logCounts } = tokensNear(box, finder.near);
    const { low_res_masks: masks, iou_predictions: scores } = await this.#sessions.near.run({
      image_embeddings: this.#tokens(embedding),
      places: new Tensor("int32", places, [places.length]),
      log_counts: new Tensor("float32", logCounts, [1, 1, places.length]),
      point_coords: new Tensor("float32", Float32Array.from(box), [1, 2, 2]),
      point_labels: new Tensor("float32", Float32Array.of(2, 3), [1, 2]),
    });
    const { nothing } = views;
    const logits = squareInView(masks.data, square, finder.near, { inner, size, nothing });
    return { logits, score: scores.data[0] };
  }

  async #decode(embedding, view) {
    const { Tensor } = this.#ort;
    const { size, frame, box } = this.#framed(view);
    const { points } = view;
    const [height, width] = size;
    // SAM 2's decoder adds the padding point by itself
    const padding = this.#isSam2 ? [] : [0, 0];
    const coords = [...points.flatMap(frame), ...(box ?? padding)];
    const labels = [...points.map(([, , label]) => label), ...(box ? [2, 3] : this.#isSam2 ? [] : [-1])];
    const float = (values, dims) => new Tensor("float32", Float32Array.from(values), dims);
    const { masks, iou_predictions: scores } = await this.#sessions.decoder.run({
      ...embedding,
      point_coords: float(coords, [1, labels.length, 2]),
      point_labels: float(labels, [1, labels.length]),
      mask_input: new Tensor("float32", new Float32Array(65_536), [1, 1, 256, 256]),
      has_mask_input: float([0], [1]),
      ...(!this.#isSam2 && { orig_im_size: float([height, width], [2]) }),
    });
    // SAM's are of the view's size already
    const sides = this.#isSam2 ? [256, 256] : [height, width];
    const logits = resizePlane(masks.data, sides, [height, width]);
    return { logits, score: scores.data[0] };
  }

  /** A window's logits refined by the image below them, on no more pixels than can change. */
  async #refined(logits, image, window, box) {
    const { Tensor } = this.#ort;
    const { most_side: mostSide, most_pixels: most, faint_logit: faint, room } = this.#config.refine;
    const [left, top, right, bottom] = window;
    const size = [bottom - top, right - left];
    const at = (work) => {
      const plane = Float32Array.from(resizePlane(logits, size, work));
      return { work, plane, area: extentAbove(plane, work, faint, room) };
    };
    const scaled = (sides, by) => sides.map((side) => Math.max(1, Math.round(side * by)));
    const first = at(scaled(size, Math.min(1, mostSide / Math.max(...size))));
    const fewer = first.area && most ? fewerScale(first.area, most) : 1;
    const { work, plane, area } = fewer < 1 ? at(scaled(first.work, fewer)) : first;
    if (!area) return logits;
    const [x0, y0, x1, y1] = area;
    const [down, across] = [work[0] / size[0], work[1] / size[1]];
    const guide = cropped(resized(cropped(image, window), ...work), area);
    const part = new Float32Array((x1 - x0) * (y1 - y0));
    for (let y = y0, to = 0; y < y1; y++, to += x1 - x0)
      part.set(plane.subarray(y * work[1] + x0, y * work[1] + x1), to);
    const own = box
      ? [
          (box[0] - left) * across - x0,
          (box[1] - top) * down - y0,
          (box[2] - left) * across - x0,
          (box[3] - top) * down - y0,
        ]
      : [0, 0, 0, 0];
    const points = choosePoints(part, this.#config.refine);
    const feeds = {
      logits: new Tensor("float32", part, [y1 - y0, x1 - x0]),
      guide: new Tensor("uint8", guide.data, [y1 - y0, x1 - x0, 3]),
      box: new Tensor("float32", Float32Array.from(own), [4]),
      has_box: new Tensor("float32", Float32Array.of(box ? 1 : 0), [1]),
      points: new Tensor("int32", points, [points.length]),
    };
    const { refiner } = this.#sessions;
    const wanted = Object.entries(feeds).filter(([name]) => refiner.inputNames.includes(name));
    const { refined } = await refiner.run(Object.fromEntries(wanted));
    for (let y = y0, from = 0; y < y1; y++, from += x1 - x0)
      plane.set(refined.data.subarray(from, from + x1 - x0), y * work[1] + x0);
    return resizePlane(plane, work, size);
  }
}

/** `read` gives a file of the folder as bytes, by its name; `ort` is onnxruntime-web, loaded where it is left out. */
export async function openVersion({ read = readBeside, ort } = {}) {
  // onnxruntime asks for it before it is loaded, so it can't be a plain import.
  if (globalThis.process) globalThis.process.env.ORT_DISABLE_TELEMETRY ??= "1";
  const runtime = ort ?? (await import("onnxruntime-web"));
  // One thread needs no cross-origin isolation in browsers and no worker files in Node.
  runtime.env.wasm.numThreads = 1;
  const config = JSON.parse(new TextDecoder().decode(await read("config.json")));
  const session = async (name, beside = []) =>
    runtime.InferenceSession.create(await read(name), {
      executionProviders: ["wasm"],
      logSeverityLevel: 3,
      externalData: await Promise.all(beside.map(async (path) => ({ path, data: await read(path) }))),
    });
  return new Version(runtime, config, {
    encoder: await session("encoder.onnx", config.encoder_files),
    decoder: await session("decoder.onnx"),
    refiner: config.refine ? await session("refine.onnx") : null,
    finder: config.finder ? await session("find/finder.onnx") : null,
    near: config.finder?.near ? await session("find/near.onnx") : null,
  });
}

async function readBeside(name) {
  const { readFile } = await import("node:fs/promises");
  return new Uint8Array(await readFile(new URL(name, import.meta.url)));
}

if (await wasStarted(import.meta.url)) {
  try {
    await main(globalThis.process.argv.slice(2), openVersion);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.error(`${error.message}\n${usage}`);
    globalThis.process.exitCode = 2;
  }
}
