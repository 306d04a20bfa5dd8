/** The image formats that are read. */
export type ImageFormat = "jpeg" | "png" | "webp" | "tiff";

/** The format by its first bytes; null for anything else. */
export function sniff(bytes: Uint8Array): ImageFormat | null {
  const head = Buffer.from(bytes.subarray(0, 12)).toString("latin1");
  if (head.startsWith("\xff\xd8\xff")) return "jpeg";
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (head.startsWith("RIFF") && head.endsWith("WEBP")) return "webp";
  // TIFF in both byte orders, then BigTIFF.
  if (["II*\0", "MM\0*", "II+\0", "MM\0+"].some((magic) => head.startsWith(magic))) return "tiff";
  return null;
}

/** Whether a file that failed to decode just lacks its end; `reason` is what the decoder said. */
export function truncated(bytes: Uint8Array, format: ImageFormat, reason: string): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (format) {
    case "jpeg":
      return /premature end/i.test(reason) || buffer.lastIndexOf("\xff\xd9", undefined, "latin1") === -1;
    case "png":
      return buffer.lastIndexOf("IEND", undefined, "latin1") === -1;
    case "webp":
      return buffer.length < 12 || buffer.readUInt32LE(4) + 8 > buffer.length;
    default:
      return (
        tiffTruncated(buffer) ||
        /read error|not enough|got \d+ bytes|ran out of|out of bounds|too short/i.test(reason)
      );
  }
}

/** TIFF keeps the place of its directory in the header; many writers put it at the end. */
function tiffTruncated(buffer: Buffer): boolean {
  if (buffer.length < 8) return true;
  const little = buffer[0] === 0x49;
  const big = buffer[little ? 2 : 3] === 0x2b;
  if (big) return false;
  return (little ? buffer.readUInt32LE(4) : buffer.readUInt32BE(4)) + 2 > buffer.length;
}
