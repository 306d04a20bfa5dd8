/** `decode-memory.ts FILE`: what decoding the picture adds to this process's resident memory at most, in bytes a pixel. */
import { readFileSync, writeFileSync } from "node:fs";
import sharp from "sharp";
import { decodeImage } from "../../src/imaging/decode.ts";

const status = (field: string): number =>
  1024 * Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"))?.[1]);

const bytes = readFileSync(process.argv[2] ?? "");
const small = await sharp({ create: { width: 64, height: 64, channels: 3, background: "#345" } })
  .png()
  .toBuffer();
await decodeImage(small, { maxPixels: 1e9 });
const rest = status("VmRSS");
writeFileSync("/proc/self/clear_refs", "5");
const { width, height } = await decodeImage(bytes, { maxPixels: 1e9 });
process.stdout.write(String((status("VmHWM") - rest) / (width * height)));
