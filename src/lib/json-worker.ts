import { type Outcome, settle } from "./outcome.ts";
import { parseJson } from "./json-parse.ts";
import type { Shape } from "./json-shape.ts";

interface Task {
  readonly bytes: Uint8Array;
  readonly shape: Shape;
  readonly naming: number | undefined;
}

/** Scans and parses the bytes of a body, in a thread of its own. */
export const parse = ({ bytes, shape, naming }: Task): Promise<Outcome<unknown>> =>
  settle(async () => parseJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), shape, naming));
