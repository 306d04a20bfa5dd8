import sharp from "sharp";
import { eachColumnRun } from "../imaging/mask-facts.ts";
import { decodeImage } from "../imaging/decode.ts";
import type { Dataset, DatasetItem } from "./types.ts";

/** Pixels of one picture's longer side, and how many there are. */
const side = 320;
const columns = 3;
const previewed = 6;
const gap = 8;
const colours = [
  [230, 60, 60],
  [40, 150, 80],
  [40, 110, 220],
  [230, 150, 20],
  [150, 70, 200],
  [20, 170, 180],
] as const;

/** A small picture with its masks over it, R, G, B. */
interface Tile {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Six images from all over a data set, with their masks, side by side (WebP); null where none has a mask. */
export async function previewOf(dataset: Dataset, maxPixels: number): Promise<Buffer | null> {
  const preview = new Preview(maxPixels);
  const step = Math.max(1, Math.floor(dataset.images / (2 * previewed)));
  const places = Array.from({ length: Math.ceil(dataset.images / step) }, (_, i) => i * step);
  for await (const item of dataset.pick(places)) {
    if (item.annotations.length > 0) await preview.add(item);
    if (preview.full) break;
  }
  return preview.draw();
}

/** Gathers up to six images of a data set with their masks, and draws them side by side. */
class Preview {
  readonly #tiles: Tile[] = [];
  readonly #maxPixels: number;

  constructor(maxPixels: number) {
    this.#maxPixels = maxPixels;
  }

  get full(): boolean {
    return this.#tiles.length >= previewed;
  }

  async add({ bytes, annotations }: Pick<DatasetItem, "bytes" | "annotations">): Promise<void> {
    if (this.full) return;
    const { data, width, height } = await decodeImage(bytes, { maxPixels: this.#maxPixels });
    const scale = Math.min(1, side / Math.max(width, height));
    const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
    const small = await sharp(data, { raw: { width, height, channels: 3 } })
      .resize(w, h, { fit: "fill" })
      .raw()
      .toBuffer();
    const tile = { width: w, height: h, data: Uint8Array.from(small) };
    for (const [k, { counts }] of annotations.entries())
      lay(tile, { counts, width, height }, colours[k % colours.length] as (typeof colours)[number]);
    this.#tiles.push(tile);
  }

  /** WebP; null without a picture. */
  async draw(): Promise<Buffer | null> {
    if (this.#tiles.length === 0) return null;
    const rows = Math.ceil(this.#tiles.length / columns);
    const wide = Math.min(columns, this.#tiles.length);
    return sharp({
      create: {
        width: wide * (side + gap) + gap,
        height: rows * (side + gap) + gap,
        channels: 3,
        background: "#ffffff",
      },
    })
      .composite(
        this.#tiles.map(({ data, width, height }, i) => ({
          input: Buffer.from(data),
          raw: { width, height, channels: 3 as const },
          left: gap + (i % columns) * (side + gap) + Math.floor((side - width) / 2),
          top: gap + Math.floor(i / columns) * (side + gap) + Math.floor((side - height) / 2),
        })),
      )
      .webp({ quality: 80 })
      .toBuffer();
  }
}

/** A mask of the whole image, half transparent, over its small picture; its outline is not. */
function lay(
  { width, height, data }: Tile,
  mask: { counts: string; width: number; height: number },
  colour: readonly [number, number, number],
): void {
  const size: [number, number] = [mask.height, mask.width];
  const cover = new Uint8Array(width * height);
  eachColumnRun({ format: "rle", size, counts: mask.counts }, (x, y0, y1) => {
    const left = Math.min(width - 1, Math.floor((x * width) / mask.width));
    const [from, to] = [Math.floor((y0 * height) / mask.height), Math.ceil((y1 * height) / mask.height)];
    for (let y = from; y < Math.min(height, to); y++) cover[y * width + left] = 1;
  });
  for (let i = 0; i < cover.length; i++) {
    if (cover[i] === 0) continue;
    const isEdge = [i - 1, i + 1, i - width, i + width].some((near) => cover[near] === 0);
    const amount = isEdge ? 1 : 0.45;
    for (let c = 0; c < 3; c++)
      data[3 * i + c] = Math.round(
        (data[3 * i + c] as number) * (1 - amount) + (colour[c] as number) * amount,
      );
  }
}
