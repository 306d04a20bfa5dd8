import { move, transferableSymbol, valueSymbol } from "piscina";
import type { CutText } from "./json-cut.ts";
import { parseCut } from "./json-parse.ts";
import type { Shape } from "./json-shape.ts";
import { type Outcome, settle } from "./outcome.ts";

interface Task {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly shape: Shape;
  readonly naming: number | undefined;
}

/** A value, and the body that its long texts are still to be taken from: given back, as it was given away. */
interface Read {
  readonly value: unknown;
  readonly texts: readonly CutText[];
  readonly bytes: Uint8Array<ArrayBuffer> | null;
}

/** Scans and parses the bytes of a body, in a thread of its own. */
export async function parse({ bytes, shape, naming }: Task): Promise<Outcome<Read>> {
  const outcome = await settle(async (): Promise<Read> => {
    const read = parseCut(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), shape, naming);
    return { ...read, bytes: read.texts.length > 0 ? bytes : null };
  });
  if (!("value" in outcome) || !outcome.value.bytes) return outcome;
  const moved = { [transferableSymbol]: bytes.buffer, [valueSymbol]: outcome };
  return move(moved) as unknown as Outcome<Read>;
}
