/**
 * Answers prompts with the version in this folder, as maskwright serves it.
 *
 *     node predict.mjs image.jpg --box 10 20 200 180 [--point 50 60 1 ...] --out mask.png
 *     node predict.mjs pixels.rgb --raw 640 480 --point 50 60 1 --out mask.pgm
 *
 * or, from a program (a browser's too, with `read` to fetch a file of the folder as bytes):
 *
 *     import { openVersion } from "./predict.mjs";
 *     const version = await openVersion({ read });
 *     const { mask, score } = await version.predict({ width, height, data }, { box: [10, 20, 200, 180] });
 *
 * Needs onnxruntime-web, which reports nothing to anybody; image files and PNG need sharp, raw 8-bit RGB and PGM nothing.
 * Boxes are [x0, y0, x1, y1] and points [x, y, label], label 1 foreground and 0 background, in pixels of the image as
 * its EXIF orientation turns it.
 * Views, stitching and refining follow config.json.
 */

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
    const { zoom } = this.#config;
    // Clicks say where an object is, not how large: it is found in one view before it is cut into tiles.
    const twoSteps = zoom !== null && !box && zoom.tiles > 1;
    const first = await this.#answer(image, { box, points }, twoSteps ? { ...zoom, tiles: 1 } : zoom, box);
    if (!twoSteps) return first;
    const found = extentAbove(first.mask, [height, width], 0, 0);
    return found ? this.#answer(image, { box: found, points }, zoom, null) : first;
  }

  async #answer(image, prompt, zoom, drawn) {
    const { width, height } = image;
    const { views: rules, refine } = this.#config;
    const { window, views } = viewsOf(prompt, [height, width], zoom, rules);
    const parts = [];
    for (const view of views) {
      const embedding = await this.#embedding(image, view.region);
      parts.push({ region: view.region, ...(await this.#decode(embedding, view)) });
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

  async #decode(embedding, { region, box, points }) {
    const { Tensor } = this.#ort;
    const [height, width] = [region[3] - region[1], region[2] - region[0]];
    const [h, w] = this.#isSam2 ? [frameSide, frameSide] : inputSize(height, width);
    const frame = ([x, y]) => [x * (w / width), y * (h / height)];
    // SAM 2's decoder adds the padding point by itself
    const padding = this.#isSam2 ? [] : [[0, 0]];
    const corners = box ? [frame(box), frame(box.slice(2))] : padding;
    const coords = [...points.map(frame), ...corners].flat();
    const labels = [...points.map(([, , label]) => label), ...(box ? [2, 3] : padding.map(() => -1))];
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
  });
}

async function readBeside(name) {
  const { readFile } = await import("node:fs/promises");
  return new Uint8Array(await readFile(new URL(name, import.meta.url)));
}

/** An image file as 8-bit RGB, turned as EXIF says; transparent pixels lie over white. */
export async function readImage(path) {
  const { default: sharp } = await import("sharp");
  const header = await sharp(path).metadata();
  const image = sharp(path, { ignoreIcc: header.space !== "cmyk" }).autoOrient();
  const flat = header.hasAlpha ? image.flatten({ background: "#ffffff" }) : image;
  const { data, info } = await flat.toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (channels === 3) return { width, height, data };
  return {
    width,
    height,
    data: Uint8Array.from({ length: width * height * 3 }, (_, i) => data[Math.floor(i / 3)]),
  };
}

async function main(args) {
  const { writeFile, readFile } = await import("node:fs/promises");
  const { values, file } = readArguments(args);
  const image = values.raw
    ? { width: values.raw[0], height: values.raw[1], data: new Uint8Array(await readFile(file)) }
    : await readImage(file);
  const { width, height } = image;
  if (image.data.length !== width * height * 3)
    throw new RangeError(`${file} has ${image.data.length} bytes, not ${width} x ${height} x 3`);
  const version = await openVersion();
  const { mask, score } = await version.predict(image, { box: values.box, points: values.points });
  const grey = mask.map((value) => 255 * value);
  if (values.out.endsWith(".pgm"))
    await writeFile(values.out, Buffer.concat([Buffer.from(`P5\n${width} ${height}\n255\n`), grey]));
  else {
    const { default: sharp } = await import("sharp");
    await sharp(grey, { raw: { width, height, channels: 1 } })
      .toColourspace("b-w")
      .png()
      .toFile(values.out);
  }
  const area = mask.reduce((sum, value) => sum + value, 0);
  console.log(JSON.stringify({ score: Math.round(score * 1e4) / 1e4, area, out: values.out }));
}

const usage =
  "usage: node predict.mjs IMAGE [--raw WIDTH HEIGHT] [--box X0 Y0 X1 Y1] [--point X Y LABEL ...] [--out mask.png]";

function readArguments(args) {
  const values = { box: null, points: [], raw: null, out: "mask.png" };
  const counts = { "--box": 4, "--point": 3, "--raw": 2 };
  let file = null;
  for (let i = 0; i < args.length; i++) {
    const name = args[i];
    const count = counts[name];
    if (count) {
      const numbers = args.slice(i + 1, i + 1 + count).map(Number);
      if (numbers.length < count || !numbers.every(Number.isFinite))
        throw new RangeError(`${name} takes ${count} numbers`);
      if (name === "--point") values.points.push(numbers);
      else values[name.slice(2)] = numbers;
      i += count;
    } else if (name === "--out" && i + 1 < args.length) values.out = args[++i];
    else if (file === null && !name.startsWith("--")) file = name;
    else throw new RangeError(`${name} is not understood`);
  }
  if (file === null) throw new RangeError("no image was named");
  return { values, file };
}

/** Whether this file was started; a browser has no such thing. */
const isMain =
  globalThis.process?.argv?.[1] !== undefined &&
  import.meta.url === (await import("node:url")).pathToFileURL(globalThis.process.argv[1]).href;
if (isMain) {
  try {
    await main(globalThis.process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.error(`${error.message}\n${usage}`);
    globalThis.process.exitCode = 2;
  }
}
