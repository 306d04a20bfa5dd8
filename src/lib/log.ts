import { pino, type Logger } from "pino";
import { loggedError, loggedText } from "./log-errors.ts";
import { spanIds } from "./trace.ts";

export type Log = Logger;

/**
 * Structured JSON lines, in a file or on stderr, so that stdout stays free for what a person asked for.
 * Errors are given as they are, as `err` with their place or as `error` in one line.
 */
export function createLog(options: { level: string; name: string; file?: string }): Log {
  const destination = pino.destination({ dest: options.file ?? 2, sync: true });
  // On a full disk lines are lost, and nothing else fails for it.
  destination.on("error", () => {});
  return pino(
    {
      name: options.name,
      level: options.level,
      // Where the line was written inside a trace that is recorded.
      mixin: () => spanIds() ?? {},
      serializers: { err: loggedError, error: loggedText },
      redact: ["authorization", "*.authorization", "key", "*.key"],
    },
    destination,
  );
}
