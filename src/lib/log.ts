import { pino, type Logger } from "pino";
import { spanIds } from "./trace.ts";

export type Log = Logger;

/** Structured JSON lines, in a file or on stderr, so that stdout stays free for what a person asked for. */
export function createLog(options: { level: string; name: string; file?: string }): Log {
  return pino(
    {
      name: options.name,
      level: options.level,
      // Where the line was written inside a trace that is recorded.
      mixin: () => spanIds() ?? {},
      redact: ["authorization", "*.authorization", "key", "*.key"],
    },
    pino.destination({ dest: options.file ?? 2, sync: true }),
  );
}
