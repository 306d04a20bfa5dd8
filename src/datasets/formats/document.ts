import type { AnnotatedImage } from "../objects.ts";
import type { Shape } from "../shapes.ts";

/** A tool's JSON that is parsed whole. */
export interface DocumentFormat {
  /** What the API calls it. */
  readonly layout: string;
  /** What people call it. */
  readonly title: string;
  readonly fits: (value: unknown, file: string) => boolean;
  /**
   * What it says of images; null for a companion that says nothing of them. `shared` is one map for all files of a zip.
   * May throw whatever a value of another form makes it throw: the file is told as at fault.
   */
  readonly read: (value: unknown, file: string, shared: Map<string, unknown>) => AnnotatedImage[] | null;
}

export type Json = Record<string, unknown>;

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

export const objectsOf = (value: unknown): Json[] => listOf(value).filter(isObject);

export const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null);

/** [[x, y], ...] or [{x, y}, ...] as [x, y, ...]. Numbers that are none become NaN, which drawing refuses. */
export function ringOf(points: unknown): number[] {
  return listOf(points).flatMap((point) => {
    if (Array.isArray(point)) return [Number(point[0]), Number(point[1])];
    return isObject(point) ? [Number(point["x"]), Number(point["y"])] : [Number.NaN, Number.NaN];
  });
}

export const rings = (...all: readonly number[][]): Shape => ({ kind: "rings", rings: all, unit: "pixels" });

export const sizeOf = (width: unknown, height: unknown): { width: number; height: number } | null =>
  Number.isInteger(width) && Number.isInteger(height) && Number(width) > 0 && Number(height) > 0
    ? { width: Number(width), height: Number(height) }
    : null;
