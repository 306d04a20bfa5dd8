import { Piscina } from "piscina";
import { parseJson } from "./json-parse.ts";
import type { Shape } from "./json-shape.ts";
import { type Outcome, unwrap } from "./outcome.ts";

/** Smaller ones are read where they came: handing them over would take longer. */
const inlineBytes = 128 * 1024;

/** Reads JSON bodies; large ones in a thread of its own, which starts with the first. */
export interface JsonReader {
  /** `bytes` are given away. `naming`: see parseJson, and what it throws. */
  read(bytes: Buffer, shape: Shape, naming?: number): Promise<unknown>;
  close(): Promise<void>;
}

export function createJsonReader(): JsonReader {
  const pool = new Piscina<unknown, Outcome<unknown>>({
    filename: new URL("json-worker.ts", import.meta.url).href,
    minThreads: 0,
    maxThreads: 1,
    // Its heap still holds what it read last.
    idleTimeout: 10_000,
    concurrentTasksPerWorker: 1,
    atomics: "disabled",
  });
  return {
    read: async (bytes, shape, naming) => {
      if (bytes.length <= inlineBytes) return parseJson(bytes, shape, naming);
      // Of a buffer of its own nothing is copied.
      const whole = bytes.byteLength === bytes.buffer.byteLength ? bytes : Buffer.from(bytes);
      const task = { bytes: whole, shape, naming };
      return unwrap(await pool.run(task, { transferList: [whole.buffer as ArrayBuffer] }));
    },
    close: () => pool.close(),
  };
}
