import { randomUUID } from "node:crypto";
import type { OnText } from "./json-scan.ts";

/** Texts from so many bytes on stay bytes until they are where they are used: as text they would be copied four times. */
const longText = 256 * 1024;
const [firstPlain, lastPlain, backslash] = [0x20, 0x7e, 0x5c];

/** A long text of a JSON value: where it belongs, and where its bytes lie in the body. */
export interface CutText {
  readonly path: readonly (string | number)[];
  readonly from: number;
  readonly to: number;
}

interface Place {
  readonly from: number;
  readonly to: number;
}

/** Collects the long texts of a body that are ASCII without escapes, as base64 is. */
export function longTextsOf(bytes: Buffer): { readonly places: readonly Place[]; readonly onText: OnText } {
  const places: Place[] = [];
  const onText = (from: number, to: number): void => {
    if (to - from >= longText && isPlain(bytes.subarray(from, to))) places.push({ from, to });
  };
  return { places, onText };
}

function isPlain(bytes: Buffer): boolean {
  if (bytes.includes(backslash)) return false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte < firstPlain || byte > lastPlain) return false;
  }
  return true;
}

/** The body with a mark instead of each of these texts, and a function that finds the marks in what is read of it. */
export function withoutTexts(
  bytes: Buffer,
  places: readonly Place[],
): { readonly rest: Buffer; readonly textsOf: (value: unknown) => CutText[] } {
  const own = randomUUID();
  const pieces: Buffer[] = [];
  let at = 0;
  for (const [i, { from, to }] of places.entries()) {
    pieces.push(bytes.subarray(at, from), Buffer.from(`${own}:${i}`));
    at = to;
  }
  pieces.push(bytes.subarray(at));
  const byMark = new Map(places.map((place, i) => [`${own}:${i}`, place]));
  const textsOf = (value: unknown, path: readonly (string | number)[] = []): CutText[] => {
    const place = typeof value === "string" ? byMark.get(value) : undefined;
    if (place) return [{ path, ...place }];
    if (typeof value !== "object" || value === null) return [];
    if (Array.isArray(value)) return value.flatMap((item, i) => textsOf(item, [...path, i]));
    return Object.entries(value).flatMap(([key, item]) => textsOf(item, [...path, key]));
  };
  return { rest: Buffer.concat(pieces), textsOf };
}

/** Puts the texts where they belong. Returns the value, which is another one where all of it is a text. */
export function putTexts(value: unknown, texts: readonly CutText[], bytes: Buffer): unknown {
  const whole = { value };
  for (const { path, from, to } of texts) {
    let at = whole as unknown as Record<string | number, unknown>;
    const [last, ...above] = ["value", ...path].toReversed() as [string | number, ...(string | number)[]];
    for (const key of above.toReversed()) at = at[key] as Record<string | number, unknown>;
    at[last] = bytes.toString("latin1", from, to);
  }
  return whole.value;
}
