import { AppError, messageOf } from "./errors.ts";
import { scanJson } from "./json-scan.ts";
import type { Shape } from "./json-shape.ts";

/**
 * The value of JSON text in UTF-8, with or without a byte order mark. `naming`: bytes of one that names its image and sends
 * none. Throws what scanJson throws, and AppError invalid_json, body_too_large.
 */
export function parseJson(bytes: Buffer, shape: Shape, naming: number = Infinity): unknown {
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const text = marked ? bytes.subarray(3) : bytes;
  scanJson(text, shape);
  let value: unknown;
  try {
    value = JSON.parse(text.toString("utf8"));
  } catch (cause) {
    throw notJson(cause);
  }
  if (bytes.length > naming && !sendsImage(value))
    throw new AppError(
      "body_too_large",
      `The body is ${bytes.length} bytes; ${naming} are allowed where it names its image and sends none.`,
    );
  return value;
}

/** The body is no JSON; V8 says where, behind a piece of it that may be somebody's. */
export function notJson(cause?: unknown): AppError {
  const [, line, column] = /\(line (\d+) column (\d+)\)/.exec(messageOf(cause)) ?? [];
  const place = line === undefined ? "" : ` (line ${line}, column ${column})`;
  const message = `The body is not JSON${place}. Names and texts stand in double quotes; NaN and Infinity are no JSON values.`;
  return new AppError("invalid_json", message, { cause });
}

const sendsImage = (value: unknown): boolean => {
  const { image } = (value ?? {}) as { image?: unknown };
  return typeof image === "object" && image !== null && "base64" in image;
};
