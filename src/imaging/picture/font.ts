/**
 * A single-stroke font, so that pages look the same on a machine without any fonts. Each glyph is a list of strokes,
 * each stroke a list of points `xy` on a grid: x 0 to 4, y 0 (top of capitals) to 6 (baseline) to 8 (descenders).
 * A stroke that begins with ~ is rounded.
 */
const strokesOf: Record<string, string> = {
  A: "062046 1434",
  B: "0600 ~003041423303 ~033344453606",
  C: "~4130100105163645",
  D: "0006 ~003041453606",
  E: "40000646 0333",
  F: "400006 0333",
  G: "~413010010516364543 4323",
  H: "0006 4046 0343",
  I: "0006",
  J: "3035 ~3435261605",
  K: "0006 4004 1346",
  L: "000646",
  M: "0600244046",
  N: "06004640",
  O: "~20100105163645413020",
  P: "0600 ~003041423303",
  Q: "~20100105163645413020 2547",
  R: "0600 ~003041423303 2346",
  S: "~413010010213334445361605",
  T: "0040 2026",
  U: "~000516364540",
  V: "002640",
  W: "0016233640",
  X: "0046 4006",
  Y: "0023 4023 2326",
  Z: "00400646",
  a: "~3322120305162635 3236",
  b: "0006 ~0312223335261605",
  c: "~3322120305162635",
  d: "3036 ~3322120305162635",
  e: "0434 ~343322120305162635",
  f: "~302011 1116 0222",
  g: "~3322120305162635 ~3237281807",
  h: "0006 ~0312223336",
  i: "0206 0000",
  j: "1217 ~161808 1010",
  k: "0006 3205 1436",
  l: "0006",
  m: "0206 ~03122326 ~23324346",
  n: "0206 ~0312223336",
  o: "~120305162635332212",
  p: "0208 ~0312223335261605",
  q: "3238 ~3322120305162635",
  r: "0206 ~04122232",
  s: "~33221203142435261605",
  t: "~10152636 0232",
  u: "~0205162635 3236",
  v: "022642",
  w: "0216243642",
  x: "0236 3206",
  y: "0226 4218",
  z: "02320636",
  "0": "~20100105163645413020",
  "1": "112026",
  "2": "~0110304142 4206 0646",
  "3": "~01103041423313 ~13334445361605",
  "4": "36300444",
  "5": "400003 ~03334445361605",
  "6": "~413010010516364544331304",
  "7": "004016",
  "8": "~130201103041423313 ~130405163645443313",
  "9": "~433313020110304145361605",
  ".": "0606",
  ",": "1607",
  ":": "0303 0606",
  "-": "0434",
  "/": "4006",
  "+": "0444 2226",
  "*": "2125 0335 0531",
  " ": "",
};

export interface Glyph {
  /** Polylines, flat [x, y, x, y, ...], in grid units; x from 0. */
  readonly strokes: readonly (readonly number[])[];
  /** Grid units to the next glyph. */
  readonly advance: number;
}

const spacing = 1.7;
const glyphs = new Map<string, Glyph>();

/** A character that the font lacks is a blank. */
export function glyphOf(character: string): Glyph {
  let glyph = glyphs.get(character);
  if (!glyph) glyphs.set(character, (glyph = parse(strokesOf[character] ?? "")));
  return glyph;
}

/** Grid units from the first stroke's left edge to the last one's right edge. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) width += glyphOf(character).advance;
  return Math.max(0, width - spacing);
}

/**
 * A text as polylines in grid units, its left end at x = 0 and the top of its capitals at y = 0;
 * `height` 6 is the height of a capital.
 */
export function textStrokes(text: string): number[][] {
  const lines: number[][] = [];
  let pen = 0;
  for (const character of text) {
    const glyph = glyphOf(character);
    for (const stroke of glyph.strokes) lines.push(stroke.map((v, i) => (i % 2 === 0 ? v + pen : v)));
    pen += glyph.advance;
  }
  return lines;
}

function parse(text: string): Glyph {
  if (text === "") return { strokes: [], advance: 3.5 };
  const raw = text.split(" ").map((stroke) => {
    const curved = stroke.startsWith("~");
    const points = Array.from(curved ? stroke.slice(1) : stroke, Number);
    return curved ? rounded(rounded(points)) : points;
  });
  const xs = raw.flatMap((stroke) => stroke.filter((_, i) => i % 2 === 0));
  const left = Math.min(...xs);
  return {
    strokes: raw.map((stroke) => stroke.map((v, i) => (i % 2 === 0 ? v - left : v))),
    advance: Math.max(...xs) - left + spacing,
  };
}

/** Chaikin's corner cutting: every inner corner gives way to two points; both ends stay. */
function rounded(points: readonly number[]): number[] {
  const out: number[] = points.slice(0, 2);
  for (let i = 0; i + 3 < points.length; i += 2) {
    const [ax, ay, bx, by] = points.slice(i, i + 4) as [number, number, number, number];
    out.push(ax + 0.25 * (bx - ax), ay + 0.25 * (by - ay), ax + 0.75 * (bx - ax), ay + 0.75 * (by - ay));
  }
  return [...out, ...points.slice(-2)];
}
