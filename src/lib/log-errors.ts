/**
 * What a log line says of an error. Messages for a caller quote what the caller sent, and those of a database may hold a
 * whole row, so neither is written down: a code and a constraint's name are enough to go by.
 */
import { AppError, messageOf } from "./errors.ts";

/** Fields of errors from postgres.js, pg (which pg-boss uses), and Node's system calls. */
const kept = [
  "code",
  "syscall",
  "severity",
  "routine",
  "query",
  "constraint_name",
  "table_name",
  "column_name",
  "schema_name",
  "constraint",
  "table",
  "column",
  "schema",
] as const;

const depth = 10;

/** The error and what caused it, the outermost first. */
function chainOf(thrown: unknown): Error[] {
  const chain: Error[] = [];
  for (let error = thrown; error instanceof Error && chain.length < depth; error = error.cause)
    chain.push(error);
  return chain;
}

/** One line: messages of the error and its causes, each once; only the code of what a caller is told. */
export function loggedText(thrown: unknown): string {
  const texts: string[] = [];
  for (const error of chainOf(thrown)) {
    if (error instanceof AppError && error.status < 500) {
      texts.push(error.code);
      // Its causes quote the same.
      break;
    }
    const text = messageOf(error);
    if (!texts.some((known) => known.includes(text))) texts.push(text);
  }
  return texts.length > 0 ? texts.join(": ") : String(thrown);
}

/** Where it was thrown: the stack without the message above it. */
function placeOf({ stack = "", message }: Error): string {
  const from = stack.indexOf(message);
  const frames = from < 0 ? stack : stack.slice(from + message.length);
  return frames
    .split("\n")
    .filter((line) => line.startsWith("    at "))
    .join("\n");
}

/** pino's serializer of `err`: its type, text, place, and what is named in `kept`; of an AggregateError also its parts. */
export function loggedError(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return thrown;
  const found: Record<string, unknown> = { type: thrown.constructor.name, message: loggedText(thrown) };
  for (const error of chainOf(thrown))
    for (const name of kept)
      if (name in error && found[name] === undefined) found[name] = Reflect.get(error, name);
  if (thrown instanceof AggregateError) found["errors"] = thrown.errors.map(loggedError);
  found["stack"] = chainOf(thrown).map(placeOf).join("\ncaused by:\n");
  return found;
}

/** As long as an id of ours or a word of a route is; keys and signed links are longer. */
const longestPart = 40;

/** A path with its long or odd parts left out: a key or a signed link may stand in one. */
export const loggedPath = (path: string): string =>
  path
    .slice(0, 1000)
    .split("/")
    .map((part) =>
      part.length <= longestPart && /^[\w.-]*$/.test(part) && !part.startsWith("mw_") ? part : "…",
    )
    .join("/");
