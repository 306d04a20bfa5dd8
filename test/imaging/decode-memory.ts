/** `decode-memory.ts FILE [look]`: what decoding the picture, or looking through it, adds to this process's resident memory at most, in bytes a pixel. */
import { readFileSync, writeFileSync } from "node:fs";
import sharp from "sharp";
import { decodeImage } from "../../src/imaging/decode.ts";
import { lookThrough } from "../../src/imaging/look-through.ts";

const status = (field: string): number =>
  1024 * Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"))?.[1]);

const bytes = readFileSync(process.argv[2] ?? "");
const small = await sharp({ create: { width: 64, height: 64, channels: 3, background: "#345" } })
  .png()
  .toBuffer();
const read = process.argv[3] === "look" ? lookThrough : decodeImage;
await read(small, { maxPixels: 1e9 });
const rest = status("VmRSS");
writeFileSync("/proc/self/clear_refs", "5");
const { width, height } = await read(bytes, { maxPixels: 1e9 });
process.stdout.write(String((status("VmHWM") - rest) / (width * height)));
