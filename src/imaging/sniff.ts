/** The image formats that are read. */
export const imageFormats = [
  "jpeg",
  "png",
  "webp",
  "tiff",
  "bmp",
  "gif",
  "avif",
  "heic",
  "jp2",
  "dicom",
] as const;
export type ImageFormat = (typeof imageFormats)[number];

/** What people call them, for messages. */
export const readFormats = "JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF, HEIC, JPEG 2000 and DICOM";

/** The media type of a file of one of imageFormats, by what its row says. Source: RFC 3745, RFC 3240, and IANA's list of image types. */
export const mediaTypeOf = (format: string): string =>
  format === "dicom" ? "application/dicom" : `image/${format}`;

/** The format by its first bytes; null for anything else. */
export function sniff(bytes: Uint8Array): ImageFormat | null {
  const head = Buffer.from(bytes.subarray(0, 12)).toString("latin1");
  if (Buffer.from(bytes.subarray(128, 132)).toString("latin1") === "DICM") return "dicom";
  if (head.startsWith("\xff\xd8\xff")) return "jpeg";
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (head.startsWith("RIFF") && head.endsWith("WEBP")) return "webp";
  // TIFF in both byte orders, then BigTIFF.
  if (["II*\0", "MM\0*", "II+\0", "MM\0+"].some((magic) => head.startsWith(magic))) return "tiff";
  if (head.startsWith("BM") && bytes.length > 26) return "bmp";
  if (head.startsWith("GIF87a") || head.startsWith("GIF89a")) return "gif";
  if (/^....ftypavi[fs]/s.test(head)) return "avif";
  // Both are called so, and what else the file is says which.
  if (/^....ftypm(if|sf)1/s.test(head) && brandsOf(bytes).some((brand) => /^avi[fs]$/.test(brand)))
    return "avif";
  if (/^....ftyp(hei[cxms]|hev[cx]|mif1|msf1)/s.test(head)) return "heic";
  if (head.startsWith("\0\0\0\x0cjP  ") || head.startsWith("\xff\x4f\xff\x51")) return "jp2";
  return null;
}

/** The compatible brands of an ISO media file, the first thirty. Source: ISO/IEC 14496-12, 4.3. */
function brandsOf(bytes: Uint8Array): string[] {
  const head = Buffer.from(bytes.subarray(0, 16 + 4 * 30));
  const text = head.toString("latin1", 16, Math.min(head.length, head.readUInt32BE(0)));
  return text.match(/.{4}/gs) ?? [];
}

/** What a file is that is no picture we read, for the message of its refusal; null where nothing is known of it. */
export function foreignFormat(bytes: Uint8Array): { name: string; advice: string } | null {
  const head = Buffer.from(bytes.subarray(0, 132)).toString("latin1");
  const as = (name: string, advice: string) => ({ name, advice });
  if (head.startsWith("\xff\x0a") || head.startsWith("\0\0\0\x0cJXL "))
    return as("JPEG XL", "save it as PNG or JPEG");
  if (/^P[1-7]\s/.test(head)) return as("Netpbm", "save it as PNG");
  if (head.startsWith("8BPS")) return as("Photoshop", "save it as PNG");
  if (head.startsWith("%PDF")) return as("PDF", "save its pages as PNG");
  if (/^\s*<(\?xml|svg)/.test(head)) return as("SVG or XML", "save it as PNG");
  if (head.startsWith("\x93NUMPY")) return as("NumPy's .npy", "save it as PNG or TIFF");
  if (/^(SIMPLE  =)/.test(head)) return as("FITS", "save it as TIFF");
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
    case "bmp":
      return buffer.length < 54 || buffer.readUInt32LE(2) > buffer.length;
    case "gif":
      return buffer.at(-1) !== 0x3b;
    case "heic":
    case "jp2":
      return false;
    case "dicom":
      return /buffer overrun|end of (file|buffer)|beyond|bytes of pixels where/i.test(reason);
    case "avif":
      return /truncated|end of file|invalid.*box/i.test(reason);
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
