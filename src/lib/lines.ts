import { createReadStream } from "node:fs";

/**
 * The lines of a UTF-8 file, those that each chunk ends: a line a promise would hold the event loop for all of a chunk's.
 * A line feed ends one and nothing else does: labels may hold what Node's readline takes for an end. The last may have none.
 */
export async function* linesOf(path: string): AsyncGenerator<string[], void, undefined> {
  let rest: string[] = [];
  for await (const chunk of createReadStream(path, { encoding: "utf8" }) as AsyncIterable<string>) {
    const [first = "", ...lines] = chunk.split("\n");
    rest.push(first);
    if (lines.length === 0) continue;
    const ended = rest.join("");
    rest = [lines.pop() as string];
    yield [ended, ...lines];
  }
  const last = rest.join("");
  if (last !== "") yield [last];
}
