import sharp from "sharp";
import type { BinaryMask } from "../imaging/types.ts";
import { type Random, seededRandom } from "../lib/random.ts";
import { textStrokes, textWidth } from "../imaging/picture/font.ts";
import { drawLine, emptyLayer } from "../imaging/picture/raster.ts";
import { noise } from "./noise.ts";
import { between, pick, type Placement, type Rgb, stampInk, type StampKind, stampKinds } from "./stamp.ts";

/** A page as it lay under the scanner, before lens, sensor and JPEG. Both images RGB, row-major. */
export interface PaperPage {
  readonly width: number;
  readonly height: number;
  /** Paper, print and pen. */
  readonly printed: Uint8Array;
  /** The same with the stamps' ink on it. */
  readonly stamped: Uint8Array;
  readonly stamps: readonly DrawnStamp[];
}

export interface DrawnStamp {
  readonly kind: StampKind;
  /** Exactly the pixels that its ink lies on. */
  readonly mask: BinaryMask;
}

export interface DemoPage {
  /** Its file name in the zip, without extension. */
  readonly stem: string;
  readonly width: number;
  readonly height: number;
  readonly jpeg: Buffer;
  readonly stamps: readonly DrawnStamp[];
}

const sizes = [
  [1000, 750],
  [900, 675],
  [1100, 800],
  [800, 640],
  [840, 900],
] as const;
const syllables =
  "ka lo mi ren tas ver do gan pel su ri nor hal den mo est ler win da fo chi ma ter ul".split(" ");
const prints: readonly Rgb[] = [
  [34, 34, 38],
  [52, 50, 54],
  [40, 44, 70],
];
const accents: readonly Rgb[] = [
  [150, 40, 60],
  [40, 70, 140],
  [60, 110, 90],
];

/** Page `index` of the demo, as paper; the same seed gives the same page. */
export function drawPaper(seed: number, index: number): PaperPage {
  const random = seededRandom(seed * 1000 + index);
  const [width, height] = pick(random, sizes);
  const printed = paper(random, width, height);
  print(random, printed, width, height);
  const stamped = Uint8Array.from(printed);
  const stamps = placements(random, width, height).map((at, i) => {
    const kind = stampKinds[(index + i) % stampKinds.length] as StampKind;
    const { ink, colour } = stampInk(random, kind, { width, height }, at);
    soak(stamped, ink.data, colour);
    const mask = { width, height, data: Uint8Array.from(ink.data, (value) => (value > 0 ? 1 : 0)) };
    return { kind, mask };
  });
  return { width, height, printed, stamped, stamps };
}

/** Page `index` as the scanner's JPEG: a little blur, sensor noise, compression. The masks stay those of the paper. */
export async function drawPage(seed: number, index: number): Promise<DemoPage> {
  const { width, height, stamped, stamps } = drawPaper(seed, index);
  const random = seededRandom(seed * 1000 + index + 500_000);
  const raw = { width, height, channels: 3 } as const;
  const soft = await sharp(stamped, { raw })
    .blur(between(random, 0.5, 0.8))
    .raw()
    .toBuffer();
  const grain = between(random, 2, 5);
  // One draw a pixel, its bits split over a table of normals: four draws a pixel took longer than all the rest.
  const normals = Float32Array.from({ length: 4096 }, () => random.normal() * grain);
  const normal = (bits: number): number => normals[bits & 4095] as number;
  for (let i = 0; i < soft.length; i += 3) {
    const bits = random.below(2 ** 30);
    for (let c = 0; c < 3; c++) {
      const noisy = (soft[i + c] as number) + normal(bits) + 0.4 * normal(bits >>> (6 + 6 * c));
      soft[i + c] = clamp(noisy);
    }
  }
  const jpeg = await sharp(soft, { raw })
    .jpeg({ quality: 72 + random.below(18) })
    .toBuffer();
  return { stem: `page-${String(index + 1).padStart(2, "0")}`, width, height, jpeg, stamps };
}

const clamp = (value: number): number => Math.max(0, Math.min(255, Math.round(value)));

/** Tinted paper under uneven light, with fibres. */
function paper(random: Random, width: number, height: number): Uint8Array {
  const white = between(random, 247, 254);
  const tint: Rgb = [white, white - between(random, 0, 3), white - between(random, 2, 18)];
  const light = noise(random, width, height, 400);
  const fibre = noise(random, width, height, 3);
  const out = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const shade = 0.93 + 0.08 * (light[i] as number) - 0.025 * (fibre[i] as number);
    for (let c = 0; c < 3; c++) out[3 * i + c] = clamp((tint[c] as number) * shade);
  }
  return out;
}

/** Multiplies ink onto an image: what lies below still shows, as on real paper. */
function soak(rgb: Uint8Array, ink: Float32Array, colour: Rgb): void {
  for (let i = 0; i < ink.length; i++) {
    const amount = ink[i] as number;
    if (amount === 0) continue;
    for (let c = 0; c < 3; c++) {
      const at = 3 * i + c;
      rgb[at] = clamp((rgb[at] as number) * (1 - amount * (1 - (colour[c] as number) / 255)));
    }
  }
}

/** Letterhead, paragraphs, a table, a signature. */
function print(random: Random, rgb: Uint8Array, width: number, height: number): void {
  const size = between(random, 11, 15);
  const margin = width * between(random, 0.06, 0.1);
  const accent = emptyLayer(width, height);
  writeLine(accent, random, margin, height * 0.05, size * 1.7, 2 + random.below(2), width);
  drawLine(accent, [margin, height * 0.1, width - margin, height * 0.1], between(random, 0.8, 2));
  soak(rgb, accent.data, pick(random, accents));

  const black = emptyLayer(width, height);
  const table = random.below(2) === 0 ? between(random, 0.4, 0.65) : 2;
  let y = height * 0.14;
  while (y < height * 0.93) {
    if (y > table * height && y < (table + 0.2) * height) {
      y = drawTable(black, random, margin, y, size, width - margin) + size * 2;
    }
    const last = random.next() < 0.2;
    writeLine(black, random, margin, y, size, last ? 3 : 40, last ? width : width - margin);
    y += size * (last ? 4.2 : 2.15);
  }
  soak(rgb, black.data, pick(random, prints));

  if (random.below(3) === 0) {
    const pen = emptyLayer(width, height);
    drawLine(
      pen,
      signature(random, width * between(random, 0.3, 0.7), height * between(random, 0.6, 0.9), width * 0.2),
      1.6,
    );
    soak(rgb, pen.data, [40, 52, 120]);
  }
}

type Canvas = ReturnType<typeof emptyLayer>;

/** Words from (x, y), the top of capitals, until `count` words or the right edge. */
function writeLine(
  layer: Canvas,
  random: Random,
  x: number,
  y: number,
  size: number,
  count: number,
  right: number,
): void {
  const unit = (size * 0.72) / 6;
  let pen = x;
  for (let i = 0; i < count; i++) {
    const text = random.next() < 0.12 ? String(random.below(9000) + 100) : word(random, i === 0);
    const length = textWidth(text) * unit;
    if (pen + length > right) return;
    for (const line of textStrokes(text))
      drawLine(
        layer,
        line.map((v, k) => (k % 2 === 0 ? pen + v * unit : y + v * unit)),
        size * 0.062,
      );
    pen += length + unit * 4.5;
  }
}

function word(random: Random, capital: boolean): string {
  const text = Array.from({ length: 1 + random.below(3) }, () => pick(random, syllables)).join("");
  return capital ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

/** Returns the y of its lower rule. */
function drawTable(layer: Canvas, random: Random, x: number, y: number, size: number, right: number): number {
  const rows = 3 + random.below(3);
  const columns = 3 + random.below(3);
  const [step, high] = [(right - x) / columns, size * 2.1];
  for (let r = 0; r <= rows; r++) drawLine(layer, [x, y + r * high, right, y + r * high], 0.7);
  for (let c = 0; c <= columns; c++) drawLine(layer, [x + c * step, y, x + c * step, y + rows * high], 0.7);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++)
      writeLine(layer, random, x + c * step + 8, y + r * high + size * 0.6, size, 2, x + (c + 1) * step - 6);
  return y + rows * high;
}

function signature(random: Random, x: number, y: number, length: number): number[] {
  const [a, b] = [between(random, 5, 9), between(random, 0, 6)];
  return Array.from({ length: 160 }, (_, i) => {
    const t = Math.floor(i / 2) / 80;
    return i % 2 === 0
      ? x + t * length + 0.05 * length * Math.sin(2 * Math.PI * a * t)
      : y + 0.13 * length * (1 - 0.6 * t) * Math.sin(2 * Math.PI * a * t + b);
  });
}

/** One stamp a page, on some pages two side by side. */
function placements(random: Random, width: number, height: number): Placement[] {
  const two = random.below(3) === 0;
  const short = Math.min(width, height);
  return Array.from({ length: two ? 2 : 1 }, (_, i) => {
    const radius = short * (two ? between(random, 0.18, 0.22) : between(random, 0.24, 0.36));
    const [from, to] = two ? [width * (i === 0 ? 0 : 0.5), width * (i === 0 ? 0.5 : 1)] : [0, width];
    const margin = radius * 1.15;
    return {
      x: between(random, from + margin, Math.max(from + margin, to - margin)),
      y: between(random, margin, height - margin),
      radius,
      angle: between(random, -0.6, 0.6),
    };
  });
}
