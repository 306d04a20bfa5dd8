import { readdirSync, readFileSync } from "node:fs";
import { join, parse } from "node:path";
import sharp from "sharp";
import { drawPage } from "../../../src/samples/pages.ts";
import { boxOf } from "../../../src/imaging/geometry.ts";
import { pngToMask } from "../../../src/imaging/mask-png.ts";
import { encodeRle } from "../../../src/imaging/rle.ts";
import type { BinaryMask, Box } from "../../../src/imaging/types.ts";
import { firstClick } from "../../../src/training/evaluation/clicks.ts";

/** A picture to ask about. */
export interface Picture {
  readonly bytes: Buffer;
  readonly width: number;
  readonly height: number;
  readonly objects: readonly { readonly box: Box; readonly click: readonly [number, number] }[];
}

/** Drawn pages are brought to this longest side: a photo as people upload it. */
const drawnSide = 720;

/** `count` drawn pages with stamps; always the same. */
export async function drawnPictures(count: number): Promise<Picture[]> {
  const out: Picture[] = [];
  for (let i = 0; i < count; i++) {
    const page = await drawPage(1, i);
    const scale = drawnSide / Math.max(page.width, page.height);
    const [width, height] = [Math.round(page.width * scale), Math.round(page.height * scale)];
    const bytes = await sharp(page.jpeg).resize(width, height).jpeg({ quality: 90 }).toBuffer();
    const objects = page.stamps.map(({ mask }) => objectOf(mask, scale));
    out.push({ bytes, width, height, objects });
  }
  return out;
}

/** The first `count` pictures of a folder that have masks. */
export async function picturesOf(folder: string, count: number): Promise<Picture[]> {
  const masks = readdirSync(join(folder, "masks")).sort();
  const out: Picture[] = [];
  for (const name of readdirSync(join(folder, "images")).sort()) {
    const stem = parse(name).name;
    const instances = masks.filter((mask) => mask.startsWith(`${stem}__`));
    const own = instances.length > 0 ? instances : masks.filter((mask) => parse(mask).name === stem);
    if (own.length === 0) continue;
    const bytes = readFileSync(join(folder, "images", name));
    const read = await Promise.all(
      own.slice(0, 4).map(async (mask) => pngToMask(readFileSync(join(folder, "masks", mask)))),
    );
    const [first] = read as [BinaryMask];
    out.push({
      bytes,
      width: first.width,
      height: first.height,
      objects: read.map((mask) => objectOf(mask, 1)),
    });
    if (out.length === count) break;
  }
  return out;
}

function objectOf(mask: BinaryMask, scale: number): Picture["objects"][number] {
  const scaled = boxOf(mask).map((value) => Math.round(value * scale)) as unknown as Box;
  const [x, y] = firstClick(encodeRle(mask));
  return { box: scaled, click: [x * scale, y * scale] };
}
