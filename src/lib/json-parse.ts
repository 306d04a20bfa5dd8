import { AppError, messageOf } from "./errors.ts";
import { type CutText, longTextsOf, withoutTexts } from "./json-cut.ts";
import { scanJson } from "./json-scan.ts";
import type { Shape } from "./json-shape.ts";

/**
 * The value of JSON text in UTF-8, with or without a byte order mark. `naming`: bytes of one that names its image and sends
 * none. Throws what scanJson throws, and AppError invalid_json, body_too_large.
 */
export function parseJson(bytes: Buffer, shape: Shape, naming?: number): unknown {
  const text = withoutMark(bytes);
  scanJson(text, shape);
  return checked(valueOf(text), bytes.length, naming);
}

/** The same, but for its long texts: `texts` says where in `bytes` they are, and where they go. */
export function parseCut(
  bytes: Buffer,
  shape: Shape,
  naming?: number,
): { value: unknown; texts: readonly CutText[] } {
  const text = withoutMark(bytes);
  const { places, onText } = longTextsOf(text);
  scanJson(text, shape, onText);
  if (places.length === 0) return { value: checked(valueOf(text), bytes.length, naming), texts: [] };
  const { rest, textsOf } = withoutTexts(text, places);
  const value = checked(valueOf(rest), bytes.length, naming);
  const before = bytes.length - text.length;
  return {
    value,
    texts: textsOf(value).map(({ path, from, to }) => ({ path, from: from + before, to: to + before })),
  };
}

function withoutMark(bytes: Buffer): Buffer {
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return marked ? bytes.subarray(3) : bytes;
}

function valueOf(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString("utf8"));
  } catch (cause) {
    throw notJson(cause);
  }
}

function checked(value: unknown, bytes: number, naming = Infinity): unknown {
  if (bytes <= naming || sendsImage(value)) return value;
  throw new AppError(
    "body_too_large",
    `The body is ${bytes} bytes; ${naming} are allowed where it names its image and sends none.`,
  );
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
