/** The command line of predict.mjs, and how it reads and writes images. */

/** An image file as 8-bit RGB, turned as EXIF says; transparent pixels lie over white. */
export async function readImage(path) {
  const { default: sharp } = await import("sharp");
  const header = await sharp(path)
    .metadata()
    .catch((cause) => {
      throw new RangeError(`${path} can't be read: ${cause.message}`, { cause });
    });
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

/** Whether the module at `url` was started, by a link or by its own path; a browser starts none. */
export async function wasStarted(url) {
  const started = globalThis.process?.argv?.[1];
  if (started === undefined || !url.startsWith("file:")) return false;
  const [{ realpath }, { fileURLToPath }] = await Promise.all([
    import("node:fs/promises"),
    import("node:url"),
  ]);
  const own = await realpath(fileURLToPath(url));
  return own === (await realpath(started).catch(() => null));
}

/** Answers one command line. Throws a RangeError for one that asks for nothing that there is. */
export async function main(args, openVersion) {
  const { readFile } = await import("node:fs/promises");
  const { values, file } = readArguments(args);
  const image = values.raw
    ? { width: values.raw[0], height: values.raw[1], data: new Uint8Array(await readFile(file)) }
    : await readImage(file);
  const { width, height } = image;
  if (image.data.length !== width * height * 3)
    throw new RangeError(`${file} has ${image.data.length} bytes, not ${width} x ${height} x 3`);
  const version = await openVersion();
  const { find, label, threshold, out } = values;
  if (find || label !== null) {
    const { objects, left } = await version.find(image, {
      ...(label !== null && { label }),
      ...(threshold !== null && { threshold }),
    });
    const numbers = new Uint16Array(width * height);
    for (const [i, { mask }] of [...objects.entries()].toReversed())
      for (let at = 0; at < mask.length; at++) if (mask[at]) numbers[at] = i + 1;
    await write(out, numbers, image);
    const told = objects.map(({ label: name, labelScore, score, bbox, area }) => ({
      label: name,
      label_score: rounded(labelScore),
      score: rounded(score),
      bbox,
      area,
    }));
    console.log(JSON.stringify({ objects: told, left, out }));
    return;
  }
  const { mask, score } = await version.predict(image, { box: values.box, points: values.points });
  await write(
    out,
    mask.map((value) => 255 * value),
    image,
  );
  const area = mask.reduce((sum, value) => sum + value, 0);
  console.log(JSON.stringify({ score: rounded(score), area, out }));
}

const rounded = (value) => Math.round(value * 1e4) / 1e4;

/** A grey PNG or PGM, of 16 bits where the values are. */
async function write(path, grey, { width, height }) {
  const { writeFile } = await import("node:fs/promises");
  const deep = grey instanceof Uint16Array;
  if (path.endsWith(".pgm")) {
    const bytes = deep ? Buffer.from(grey.buffer).swap16() : grey;
    await writeFile(
      path,
      Buffer.concat([Buffer.from(`P5\n${width} ${height}\n${deep ? 65_535 : 255}\n`), bytes]),
    );
    return;
  }
  const { default: sharp } = await import("sharp");
  await sharp(grey, { raw: { width, height, channels: 1 } })
    .toColourspace(deep ? "grey16" : "b-w")
    .png()
    .toFile(path);
}

export const usage =
  "usage: node predict.mjs IMAGE [--raw WIDTH HEIGHT] [--box X0 Y0 X1 Y1] [--point X Y LABEL ...] [--find] [--label NAME] [--threshold SCORE] [--out mask.png]";

function readArguments(args) {
  const values = {
    box: null,
    points: [],
    raw: null,
    find: false,
    label: null,
    threshold: null,
    out: "mask.png",
  };
  const counts = { "--box": 4, "--point": 3, "--raw": 2, "--threshold": 1 };
  let file = null;
  for (let i = 0; i < args.length; i++) {
    const name = args[i];
    const count = counts[name];
    if (count) {
      const numbers = args.slice(i + 1, i + 1 + count).map(Number);
      if (numbers.length < count || !numbers.every(Number.isFinite))
        throw new RangeError(`${name} takes ${count} numbers`);
      if (name === "--box" && values.box) throw new RangeError("one --box is taken: one object a call");
      if (name === "--point") values.points.push(numbers);
      else values[name.slice(2)] = name === "--threshold" ? numbers[0] : numbers;
      i += count;
    } else if ((name === "--out" || name === "--label") && i + 1 < args.length)
      values[name.slice(2)] = args[++i];
    else if (name === "--find") values.find = true;
    else if (file === null && !name.startsWith("--")) file = name;
    else throw new RangeError(`${name} is not understood`);
  }
  if (file === null) throw new RangeError("no image was named");
  const finds = values.find || values.label !== null;
  if (finds && (values.box || values.points.length > 0))
    throw new RangeError("--find and --label take no --box and no --point");
  if (values.threshold !== null && !finds) throw new RangeError("--threshold goes with --find or --label");
  return { values, file };
}
