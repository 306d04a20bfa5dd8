import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import sharp from "sharp";
import { ZipFile } from "yazl";
import { type Random, seededRandom } from "../../../src/lib/random.ts";

const outlines = 5000;

/** What a set holds. */
export interface SetSizes {
  readonly images: number;
  /** Each picture's, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly objects: number;
  /** Corners of each object's outline. */
  readonly points: number;
  /** Smallest and largest mean radius of an outline, in pixels. */
  readonly radius: readonly [number, number];
  readonly seed: number;
}

export interface CocoSet {
  /** With annotations.json and images/ in it. */
  readonly folder: string;
  readonly zip: string;
  readonly annotationBytes: number;
  readonly zipBytes: number;
}

/** Writes a COCO set of seeded pictures and outlines below `folder`, and as a zip beside it. */
export async function writeCocoSet(folder: string, options: SetSizes): Promise<CocoSet> {
  const random = seededRandom(options.seed);
  await mkdir(join(folder, "images"), { recursive: true });
  const names = Array.from({ length: options.images }, (_, i) => `${String(i).padStart(6, "0")}.jpg`);
  for (const name of names) await writeFile(join(folder, "images", name), await photograph(options, random));
  const annotations = join(folder, "annotations.json");
  await writeAnnotations(annotations, names, options, random);
  const zip = `${folder}.zip`;
  const archive = new ZipFile();
  // As dataset tools pack them: pictures hardly shrink.
  archive.addFile(annotations, "annotations.json", { compress: true });
  for (const name of names)
    archive.addFile(join(folder, "images", name), `images/${name}`, { compress: false });
  archive.end();
  await pipeline(archive.outputStream, createWriteStream(zip));
  return {
    folder,
    zip,
    annotationBytes: (await stat(annotations)).size,
    zipBytes: (await stat(zip)).size,
  };
}

/** Coarse noise, scaled up: as hard to decode as a photograph. */
async function photograph({ width, height }: SetSizes, random: Random): Promise<Buffer> {
  const [w, h] = [Math.ceil(width / 8), Math.ceil(height / 8)];
  const data = Uint8Array.from({ length: w * h * 3 }, () => random.below(256));
  return sharp(data, { raw: { width: w, height: h, channels: 3 } })
    .resize(width, height)
    .jpeg({ quality: 90 })
    .toBuffer();
}

async function writeAnnotations(
  path: string,
  names: readonly string[],
  sizes: SetSizes,
  random: Random,
): Promise<void> {
  const { width, height, objects } = sizes;
  const out = createWriteStream(path);
  const images = names.map((file_name, id) => ({ id, file_name, width, height }));
  out.write(`{"images":${JSON.stringify(images)},"categories":[{"id":1,"name":"blob"}],"annotations":[`);
  // Drawn once and used on many pictures; one picture has as many as are drawn before one comes again.
  const drawn = Array.from({ length: Math.min(objects, outlines) }, () =>
    JSON.stringify([blob(sizes, random)]),
  );
  for (let id = 0; id < objects; id++) {
    const image = id % names.length;
    const shape = drawn[(13 * image + Math.floor(id / names.length)) % drawn.length];
    const annotation = `{"id":${id},"image_id":${image},"category_id":1,"iscrowd":0,"segmentation":${shape}}`;
    if (!out.write(id === 0 ? annotation : `,${annotation}`)) await once(out, "drain");
  }
  out.end("]}");
  await once(out, "close");
}

/** An uneven round outline, x and y in pixels, within the picture. */
function blob({ width, height, points, radius: [smallest, largest] }: SetSizes, random: Random): number[] {
  const radius = smallest + random.below(largest - smallest + 1);
  const rim = Math.ceil(largest * 1.1) + 1;
  const [x, y] = [rim + random.below(width - 2 * rim), rim + random.below(height - 2 * rim)];
  return Array.from({ length: points }, (_, i) => {
    const angle = (2 * Math.PI * i) / points;
    const r = radius * (0.9 + random.next() * 0.2);
    return [x + r * Math.cos(angle), y + r * Math.sin(angle)].map((value) => Number(value.toFixed(2)));
  }).flat();
}
