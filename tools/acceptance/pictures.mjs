import { crc32, deflateSync } from "node:zlib";

/** [width, height] of all pictures, pixels. */
export const size = [160, 120];

/** A picture with one dark disc on paper, by its number, and the disc's mask and box. */
export function discPicture(number) {
  const [width, height] = size;
  const [cx, cy, radius] = [45 + ((number * 23) % 70), 40 + ((number * 17) % 40), 18 + ((number * 5) % 12)];
  const pixels = Buffer.alloc(width * height * 3);
  const mask = new Uint8Array(width * height);
  for (let i = 0; i < mask.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const inside = Math.hypot(x + 0.5 - cx, y + 0.5 - cy) <= radius;
    mask[i] = inside ? 1 : 0;
    const shade = ((x * 7 + y * 13 + number * 3) % 9) - 4;
    const [r, g, b] = inside ? [60, 40, 110] : [225, 215, 200];
    pixels.set([r + shade, g + shade, b + shade], i * 3);
  }
  const box = [cx - radius, cy - radius, cx + radius, cy + radius].map(Math.round);
  return { png: png(pixels, 2), mask, box };
}

/** A mask as a grey PNG, 0 and 255. */
export const maskPng = (mask) => png(Buffer.from(mask.map((value) => value * 255)), 0);

/** @param colour 0 for grey, 2 for RGB, 8 bits a channel */
function png(pixels, colour) {
  const [width, height] = size;
  const row = pixels.length / height;
  const lines = Buffer.alloc((row + 1) * height);
  for (let y = 0; y < height; y++) pixels.copy(lines, y * (row + 1) + 1, y * row, (y + 1) * row);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, colour, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    chunk("IHDR", head),
    chunk("IDAT", deflateSync(lines)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

/** Files as a zip that nothing compresses. */
export function zip(files) {
  const [parts, entries] = [[], []];
  let offset = 0;
  for (const [name, data] of files) {
    const head = Buffer.alloc(26);
    head.writeUInt16LE(20, 0);
    head.writeUInt32LE(crc32(data), 10);
    head.writeUInt32LE(data.length, 14);
    head.writeUInt32LE(data.length, 18);
    head.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("504b0304", "hex"), head, Buffer.from(name), data]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    entries.push(Buffer.concat([Buffer.from("504b01021400", "hex"), head, rest, Buffer.from(name)]));
    parts.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.set(Buffer.from("504b0506", "hex"), 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, directory, end]);
}

/** The mask of COCO's compressed run lengths, row by row, 0 and 1. Throws where the runs don't add up to the size. */
export function readRle({ size: [height, width], counts }) {
  const runs = [];
  for (let at = 0; at < counts.length;) {
    let [value, shift, digit] = [0, 0, 0];
    do {
      digit = counts.charCodeAt(at++) - 48;
      value |= (digit & 31) << shift;
      shift += 5;
    } while (digit & 32);
    if (digit & 16) value |= -1 << shift;
    if (runs.length > 2) value += runs[runs.length - 2];
    runs.push(value);
  }
  const mask = new Uint8Array(width * height);
  let place = 0;
  for (const [i, run] of runs.entries())
    for (const end = place + run; place < end; place++)
      if (i % 2 === 1) mask[(place % height) * width + Math.floor(place / height)] = 1;
  if (place !== width * height) throw new Error(`run lengths of ${place} pixels for ${width} x ${height}`);
  return mask;
}

export function iou(a, b) {
  let [both, either] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    both += a[i] & b[i];
    either += a[i] | b[i];
  }
  return both / either;
}
