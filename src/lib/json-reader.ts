import { putTexts } from "./json-cut.ts";
import { parseJson } from "./json-parse.ts";
import type { Shape } from "./json-shape.ts";
import type * as jsonWorker from "./json-worker.ts";
import { workerPool } from "./worker-pool.ts";

/** Smaller ones are read where they came: handing them over would take longer. */
const inlineBytes = 128 * 1024;

/** Reads JSON bodies; large ones in a thread of its own, which starts with the first. */
export interface JsonReader {
  /** `bytes` are given away. `naming`: see parseJson, and what it throws. */
  read(bytes: Buffer, shape: Shape, naming?: number): Promise<unknown>;
  close(): Promise<void>;
}

export function createJsonReader(): JsonReader {
  // A thread's heap still holds what it read last.
  const pool = workerPool<typeof jsonWorker>({
    module: new URL("json-worker.ts", import.meta.url),
    threads: 1,
    idleMs: 10_000,
  });
  const parse = pool.of("parse");
  return {
    read: async (bytes, shape, naming) => {
      if (bytes.length <= inlineBytes) return parseJson(bytes, shape, naming);
      // A buffer of its own is moved and not copied.
      const whole = new Uint8Array(
        bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : Uint8Array.from(bytes).buffer,
      ) as Uint8Array<ArrayBuffer>;
      const { value, texts, ...left } = await parse({ bytes: whole, shape, naming }, [whole.buffer]);
      return left.bytes ? putTexts(value, texts, Buffer.from(left.bytes.buffer)) : value;
    },
    close: () => pool.close(),
  };
}
