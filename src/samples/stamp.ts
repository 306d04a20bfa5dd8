import type { Random } from "../lib/random.ts";
import { glyphOf, textStrokes, textWidth } from "../imaging/picture/font.ts";
import { drawLine, drawPolygon, emptyLayer, type Layer } from "../imaging/picture/raster.ts";
import { noise } from "./noise.ts";

export type Rgb = readonly [number, number, number];

/** Where a stamp lands on a page, in pixels. */
export interface Placement {
  readonly x: number;
  readonly y: number;
  /** Half of the stamp's longer side. */
  readonly radius: number;
  /** Radians. */
  readonly angle: number;
}

export const stampKinds = ["round", "rectangular", "irregular"] as const;
export type StampKind = (typeof stampKinds)[number];

/** Lines and filled shapes with the stamp's centre at (0, 0) and its longer half side 1. */
interface Design {
  readonly lines: { readonly points: number[]; readonly radius: number }[];
  readonly shapes: number[][];
}

const towns = ["NORTHGATE", "WESTHAVEN", "OAKFIELD", "LAKE CITY", "STONEBRIDGE", "EAST HARBOUR"];
const offices = [
  "COUNTY OFFICE",
  "CITY ARCHIVE",
  "NOTARY PUBLIC",
  "LAND REGISTRY",
  "POST OFFICE",
  "TAX BUREAU",
];
const words = ["PAID", "COPY", "RECEIVED", "APPROVED", "ORIGINAL", "FINAL", "VOID", "URGENT"];
const inks: readonly Rgb[] = [
  [46, 58, 148],
  [70, 84, 178],
  [168, 38, 52],
  [196, 66, 70],
  [34, 112, 78],
  [104, 52, 132],
  [58, 62, 80],
];

export const pick = <T>(random: Random, list: readonly T[]): T => list[random.below(list.length)] as T;
export const between = (random: Random, low: number, high: number): number =>
  low + random.next() * (high - low);

/**
 * How much ink a stamp leaves on each pixel of a page: 0, or between `leastInk` and 1. Nothing lies between, so that
 * "inked" is a plain fact. Pressure varies over the stamp and small holes stay dry.
 */
export function stampInk(
  random: Random,
  kind: StampKind,
  size: { width: number; height: number },
  at: Placement,
): { ink: Layer; colour: Rgb } {
  const layer = emptyLayer(size.width, size.height);
  const design = designs[kind](random);
  const [cos, sin] = [Math.cos(at.angle) * at.radius, Math.sin(at.angle) * at.radius];
  const place = (points: readonly number[]): number[] =>
    points.map((value, i) => {
      const [x, y] = i % 2 === 0 ? [value, points[i + 1] as number] : [points[i - 1] as number, value];
      return i % 2 === 0 ? at.x + x * cos - y * sin : at.y + x * sin + y * cos;
    });
  for (const { points, radius } of design.lines) drawLine(layer, place(points), radius * at.radius);
  for (const shape of design.shapes) drawPolygon(layer, place(shape));
  press(random, layer);
  return { ink: layer, colour: pick(random, inks) };
}

export const leastInk = 0.34;

/** Turns coverage into ink: uneven pressure, blots, dry holes. */
function press(random: Random, { width, height, data }: Layer): void {
  const broad = noise(random, width, height, 55);
  const blots = noise(random, width, height, 11);
  const holes = noise(random, width, height, 2.6);
  const heavy = between(random, 0.72, 1);
  const dry = between(random, 0.1, 0.24);
  for (let i = 0; i < data.length; i++) {
    const coverage = data[i] as number;
    if (coverage < 0.5) {
      data[i] = 0;
      continue;
    }
    const pressure = heavy * (0.62 + 0.5 * (broad[i] as number)) - 0.22 * (blots[i] as number);
    // The lighter the pressure, the more holes stay dry.
    const stays = (holes[i] as number) > dry + 0.3 * (0.75 - pressure);
    const ink = coverage * pressure;
    data[i] = stays && ink >= leastInk ? Math.min(1, ink) : 0;
  }
}

/** Text along a circle, its middle at `angle` (radians, 0 is up); `inward` puts the capitals' tops towards the centre. */
function ringText(text: string, ring: number, height: number, angle: number, inward: boolean): number[][] {
  const unit = height / 6;
  const turn = ((inward ? -1 : 1) / (ring * 6)) * height;
  let pen = -textWidth(text) / 2;
  const lines: number[][] = [];
  for (const character of text) {
    const glyph = glyphOf(character);
    for (const stroke of glyph.strokes) {
      const line: number[] = [];
      for (let i = 0; i < stroke.length; i += 2) {
        const a = angle + (pen + (stroke[i] as number)) * turn;
        const up = (3 - (stroke[i + 1] as number)) * unit * (inward ? -1 : 1);
        line.push(Math.sin(a) * (ring + up), -Math.cos(a) * (ring + up));
      }
      lines.push(line);
    }
    pen += glyph.advance;
  }
  return lines;
}

/** Text centred on (0, y), its capitals `height` high, narrowed to `most` wide. */
function flatText(text: string, y: number, height: number, most: number): number[][] {
  const width = (textWidth(text) * height) / 6;
  const [sx, sy] = [(height / 6) * Math.min(1, most / width), height / 6];
  const middle = textWidth(text) / 2;
  return textStrokes(text).map((line) =>
    line.map((v, i) => (i % 2 === 0 ? (v - middle) * sx : y + (v - 3) * sy)),
  );
}

const circle = (radius: number, wobble: (angle: number) => number = () => 1): number[] =>
  Array.from({ length: 194 }, (_, i) => {
    const angle = (Math.floor(i / 2) / 96) * 2 * Math.PI;
    return (i % 2 === 0 ? Math.sin(angle) : -Math.cos(angle)) * radius * wobble(angle);
  });

const star = (radius: number, points: number, x = 0, y = 0): number[] =>
  Array.from({ length: points * 4 }, (_, i) => {
    const corner = Math.floor(i / 2);
    const reach = corner % 2 === 0 ? radius : radius * 0.45;
    const angle = (corner / points) * Math.PI;
    return i % 2 === 0 ? x + Math.sin(angle) * reach : y - Math.cos(angle) * reach;
  });

const rectangle = (w: number, h: number): number[] => [-w, -h, w, -h, w, h, -w, h, -w, -h];

const date = (random: Random): string =>
  `${10 + random.below(19)}-${pick(random, ["JAN", "MAR", "MAY", "JUL", "SEP", "NOV"])}-20${10 + random.below(15)}`;

const stroked = (lines: readonly number[][], radius: number) => lines.map((points) => ({ points, radius }));

const designs: Record<StampKind, (random: Random) => Design> = {
  round: (random) => {
    const thick = between(random, 0.022, 0.032);
    const lines = [
      ...stroked([circle(0.97)], thick * 1.25),
      ...stroked([circle(0.6)], thick * 0.8),
      ...stroked(ringText(pick(random, towns), 0.785, 0.2, 0, false), thick),
      ...stroked(ringText(pick(random, offices), 0.785, 0.15, Math.PI, true), thick * 0.85),
    ];
    const middle = random.below(3);
    if (middle === 0)
      return {
        lines: [...lines, ...stroked(flatText(date(random), 0, 0.2, 1), thick)],
        shapes: [star(0.12, 5, 0, -0.34), star(0.12, 5, 0, 0.34)],
      };
    if (middle === 1) return { lines, shapes: [star(0.42, 5)] };
    const shield = [-0.28, -0.34, 0.28, -0.34, 0.28, 0.05, 0, 0.42, -0.28, 0.05, -0.28, -0.34];
    return {
      lines: [...lines, ...stroked([shield, [0, -0.34, 0, 0.4], [-0.28, -0.06, 0.28, -0.06]], thick)],
      shapes: [],
    };
  },
  rectangular: (random) => {
    const thick = between(random, 0.022, 0.032);
    const h = between(random, 0.36, 0.5);
    const frame =
      random.below(2) === 0 ? [rectangle(0.97, h)] : [rectangle(0.97, h), rectangle(0.9, h - 0.07)];
    return {
      lines: [
        ...stroked(frame, thick),
        ...stroked(flatText(pick(random, words), -h * 0.3, h * 0.62, 1.5), thick * 1.25),
        ...stroked(flatText(date(random), h * 0.46, h * 0.34, 1.25), thick * 0.85),
      ],
      shapes: [],
    };
  },
  irregular: (random) => {
    const thick = between(random, 0.022, 0.032);
    const [a, b, c] = [between(random, 0, 6), between(random, 0, 6), between(random, 0, 6)];
    const wobble = (angle: number): number =>
      0.86 +
      0.07 * Math.sin(2 * angle + a) +
      0.045 * Math.sin(3 * angle + b) +
      0.025 * Math.sin(5 * angle + c);
    const rays = Array.from({ length: 16 }, (_, i) => {
      const angle = (i / 16) * 2 * Math.PI;
      const [x, y] = [Math.sin(angle) * wobble(angle), -Math.cos(angle) * wobble(angle)];
      return [x * 0.98, y * 0.98, x * 1.12, y * 1.12];
    });
    return {
      lines: [
        ...stroked([circle(1, wobble)], thick * 1.2),
        ...stroked(rays, thick),
        ...stroked(flatText(pick(random, words), -0.12, 0.34, 1.2), thick * 1.3),
        ...stroked(flatText(`NO ${100 + random.below(900)}`, 0.34, 0.22, 0.9), thick),
      ],
      shapes: [star(0.13, 4, 0, -0.52)],
    };
  },
};
