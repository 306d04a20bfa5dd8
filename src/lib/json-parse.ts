import { AppError } from "./errors.ts";
import { scanJson } from "./json-scan.ts";
import type { Shape } from "./json-shape.ts";

/** The value of JSON text in UTF-8, with or without a byte order mark. Throws what scanJson throws, and AppError invalid_json. */
export function parseJson(bytes: Buffer, shape: Shape): unknown {
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const text = marked ? bytes.subarray(3) : bytes;
  scanJson(text, shape);
  try {
    return JSON.parse(text.toString("utf8"));
  } catch (cause) {
    throw new AppError("invalid_json", "The body is not JSON. (NaN and Infinity are no JSON values.)", {
      cause,
    });
  }
}
