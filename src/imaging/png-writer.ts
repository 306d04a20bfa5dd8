import { crc32, deflateSync } from "node:zlib";

/** Values of a picture, row-major: one byte each, or two. */
export interface PlainPicture {
  readonly width: number;
  readonly height: number;
  readonly values: Uint8Array | Uint16Array;
}

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Colour types: a grey value, or a place in the palette. */
const [grey, indexed] = [0, 3];

/**
 * A PNG whose pixels have the very values given, which no encoder chooses anew: grey of 8 or 16 bits, or, with `palette`
 * (up to 256 colours, 0xRRGGBB), places in it. Source: PNG specification, third edition, 11.2.
 */
export function plainPng({ width, height, values }: PlainPicture, palette?: readonly number[]): Buffer {
  const wide = values instanceof Uint16Array;
  const row = width * (wide ? 2 : 1);
  // Each row begins with its filter: none.
  const raw = Buffer.alloc((row + 1) * height);
  for (let y = 0; y < height; y++) {
    const at = y * (row + 1) + 1;
    if (!wide) raw.set(values.subarray(y * width, (y + 1) * width), at);
    else for (let x = 0; x < width; x++) raw.writeUInt16BE(values[y * width + x] as number, at + 2 * x);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = wide ? 16 : 8;
  header[9] = palette ? indexed : grey;
  const parts = [signature, chunk("IHDR", header)];
  if (palette) {
    const colours = palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]);
    parts.push(chunk("PLTE", Buffer.from(colours)));
  }
  parts.push(chunk("IDAT", deflateSync(raw)), chunk("IEND", Buffer.alloc(0)));
  return Buffer.concat(parts);
}

function chunk(type: string, data: Buffer): Buffer {
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, "latin1");
  data.copy(out, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
}
