import sharp, { type PngOptions } from "sharp";
import { packCounts, packRuns } from "../../../src/imaging/rle.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import type { ImageName, Outgoing, Row, StoredImage, World } from "../types.ts";
import { inFirst, json, MB, once, same } from "./make.ts";

type Mask = (image: StoredImage) => object | Promise<object>;

/** A predict on an image by so many prompts of masks. */
const byMasks = (
  name: string,
  image: ImageName,
  count: number,
  mask: Mask,
  answers?: readonly number[],
): Row => ({
  kind: "mask",
  name,
  ...(answers && { answers }),
  make: async (world) => {
    const found = world.image(image);
    const one = JSON.stringify({ mask: await mask(found) });
    const prompts = Array.from({ length: count }, () => one).join(",");
    return same(
      inFirst(world, "predict", Buffer.from(`{"image":{"id":"${found.id}"},"prompts":[${prompts}]}`)),
    );
  },
});

const annotation = (name: string, image: ImageName, mask: Mask, more: object = {}): Row => ({
  kind: "mask",
  name,
  make: async (world) => {
    const found = world.image(image);
    const body = json({ image_id: found.id, mask: await mask(found), ...more });
    return same(inFirst(world, "annotations", body));
  },
});

/** A square in the middle. */
const squareRle: Mask = ({ width, height }) => {
  const [from, to] = [Math.floor(width / 4), Math.floor(width / 2)];
  const runs = [from * height + Math.floor(height / 4)];
  const side = Math.floor(height / 2);
  for (let x = from; x < to; x++) runs.push(side, height - side);
  const sum = runs.reduce((total, run) => total + run, 0);
  return packRuns([...runs, width * height - sum], [height, width]);
};

/** A few bytes: all of the image from one column on. */
const halfRle: Mask = ({ width, height }) =>
  packRuns([Math.floor(width / 2) * height, Math.ceil(width / 2) * height], [height, width]);

/** So many runs of one pixel, then one of the rest. */
const stripedRle =
  (count: number): Mask =>
  ({ width, height }) => ({
    format: "rle",
    size: [height, width],
    // From the fourth on a run is told by its difference to the run two before.
    counts: "111" + "0".repeat(count - 3) + packCounts([0, 0, 0, width * height - count - 1]).slice(3),
  });

const noiseRuns = once(() => {
  const random = seededRandom(20);
  const runs: number[] = [];
  for (let left = 16_000_000; left > 0;) {
    const run = Math.min(left, 1 + random.below(2));
    runs.push(run);
    left -= run;
  }
  return packRuns(runs, [4000, 4000]);
});

/** Corners drawn at random all over the image: nearly every edge crosses nearly every other. */
const crossing =
  (corners: number, rings = 1): Mask =>
  ({ width, height }) => {
    const random = seededRandom(corners);
    const ring = () =>
      Array.from({ length: 2 * corners }, (_, i) => random.below(i % 2 === 0 ? width : height));
    return { format: "polygon", polygons: Array.from({ length: rings }, ring) };
  };

const png = async (width: number, height: number, options: PngOptions = {}): Promise<object> => {
  const background = { r: 255, g: 255, b: 255 };
  const image = sharp({ create: { width, height, channels: 3, background } }).toColourspace("b-w");
  return { format: "png", data: (await image.png(options).toBuffer()).toString("base64") };
};

/** A PNG's head that says 60000 x 60000, with nothing behind it. */
const headOnly = (): object => {
  const head = Buffer.from("89504e470d0a1a0a0000000d494844520000ea600000ea600800000000", "hex");
  return { format: "png", data: Buffer.concat([head, Buffer.alloc(64)]).toString("base64") };
};

const logits =
  (height: number, width: number): Mask =>
  () => ({
    format: "logits",
    shape: [height, width],
    dtype: "float32",
    data: Buffer.from(Float32Array.from({ length: height * width }, (_, i) => (i % 7) - 3).buffer).toString(
      "base64",
    ),
  });

/** Twenty annotations of about 10 MB of run lengths each, stored where they can be, and what is asked then. */
const noisePage = (name: string, path: (world: World) => string): Row => ({
  kind: "mask",
  name,
  make: async (world) => {
    const image = world.image("noisy");
    const mask = noiseRuns();
    for (let i = 0; i < 20; i++)
      await world.call(
        inFirst(world, "annotations", json({ image_id: image.id, mask, label: `noise ${i}` })),
      );
    const asked: Outgoing = { method: "GET", path: path(world) };
    return same(asked);
  },
});

const inProject = (world: World, rest: string): string => `/v1/projects/${world.project(0)}/${rest}`;

export const masks: readonly Row[] = [
  byMasks("forty RLE mask prompts, 2.9 kB, on 8000 x 8000", "flat", 40, halfRle, [200]),
  byMasks("four of them", "flat", 4, halfRle, [200]),
  byMasks("2 polygon prompts of 25,000 crossing points", "flat", 2, crossing(25_000)),
  byMasks("20 polygon prompts of 25,000 crossing points", "flat", 20, crossing(25_000)),
  noisePage("a page of 20 annotations of 10 MB of run lengths each", (world) =>
    inProject(world, `annotations?image_id=${world.image("noisy").id}`),
  ),
  noisePage("the same as a COCO export", (world) => inProject(world, "annotations/export")),
  noisePage("the same as a COCO export of polygons", (world) =>
    inProject(world, "annotations/export?shapes=polygons"),
  ),
  ...(["label_studio", "cvat", "voc", "labelme"] as const).map((format) =>
    noisePage(`the same as an export for ${format}`, (world) =>
      inProject(world, `annotations/export?format=${format}`),
    ),
  ),
  byMasks("256 RLE mask prompts on 8000 x 8000", "flat", 256, halfRle),
  byMasks("100 RLE squares of 8000 x 8000", "flat", 100, squareRle),
  byMasks("3 RLE mask prompts of 10 MB of noise on 4000 x 4000", "noisy", 3, noiseRuns),
  byMasks("an RLE mask prompt of 20,000,000 runs on 8000 x 8000", "flat", 1, stripedRle(20_000_000)),
  byMasks("an RLE mask prompt of 8,000,000 runs of nothing", "flat", 1, ({ width, height }) => ({
    format: "rle",
    size: [height, width],
    counts: "0".repeat(8_000_000),
  })),
  byMasks("an RLE mask prompt of 1 x 1,000,000,000", "photo", 1, () => ({
    format: "rle",
    size: [1, 1_000_000_000],
    counts: packRuns([0, 1_000_000_000], [1, 1_000_000_000]).counts,
  })),
  byMasks("a polygon prompt of 1,000,000 crossing points", "flat", 1, crossing(1_000_000)),
  byMasks("a polygon prompt of 200,000 triangles", "flat", 1, crossing(3, 200_000)),
  byMasks("200 polygon prompts of 2,500 crossing points", "flat", 200, crossing(2500)),
  byMasks("a polygon prompt of 2,000,000 points in one place", "photo", 1, () => ({
    format: "polygon",
    polygons: [Array.from({ length: 4_000_000 }, () => 5)],
  })),
  byMasks("a polygon prompt whose corners lie at 1e300", "flat", 1, () => ({
    format: "polygon",
    polygons: [[0, 0, 1e300, 0, 1e300, 1e300, 0, -1e300]],
  })),
  byMasks("40 PNG mask prompts on 8000 x 8000", "flat", 40, ({ width, height }) => png(width, height)),
  byMasks("a PNG mask prompt of 8000 x 8000, interlaced", "flat", 1, ({ width, height }) =>
    png(width, height, { progressive: true }),
  ),
  byMasks("40 PNG mask prompts whose head says 60000 x 60000", "photo", 40, headOnly),
  byMasks("80 logits mask prompts of 256 x 256", "photo", 80, logits(256, 256)),
  byMasks("a logits mask prompt of 2000 x 2500", "noisy", 1, logits(2000, 2500)),
  byMasks("40 logits mask prompts of 1 x 150,000", "photo", 40, logits(1, 150_000)),
  annotation("an annotation of 25,000 crossing points on 8000 x 8000", "flat", crossing(25_000)),
  annotation("an annotation of 1,000,000 crossing points", "flat", crossing(1_000_000)),
  annotation("an annotation of half of 8000 x 8000 with a box", "flat", halfRle, {
    box: [4001, 1, 7999, 7999],
  }),
  annotation("an annotation of 10 MB of noise with a box", "noisy", noiseRuns, { box: [1, 1, 3999, 3999] }),
  annotation("an annotation as a PNG of 8000 x 8000", "flat", ({ width, height }) => png(width, height)),
  {
    kind: "mask",
    name: "a correction of half of 8000 x 8000",
    make: async (world) => {
      const image = world.image("flat");
      const prompts = [{ box: [1000, 1000, 5000, 5000] }];
      const { json: predicted } = await world.call(
        inFirst(world, "predict", json({ image: { id: image.id }, prompts })),
      );
      const body = json({ action: "correct", mask: await halfRle(image) });
      return same(inFirst(world, `predictions/${String(predicted["id"])}/feedback`, body));
    },
  },
  {
    kind: "mask",
    name: "30 MB of a mask's base64 with a picture behind it",
    make: async (world) => {
      const mask = { format: "png", data: "iVBORw0KGgo".padEnd(30 * MB, "A") };
      const body = json({ image: { id: world.image("photo").id }, prompts: [{ mask }] });
      return Promise.resolve(same(inFirst(world, "predict", body)));
    },
  },
];
