import { Tokenizer } from "@streamparser/json";
import { JsonFault, JsonOutline, type JsonVisitor } from "./json-outline.ts";

const byteOrderMark = Buffer.of(0xef, 0xbb, 0xbf);

/** Thrown by a visitor who has seen enough. */
export const enough = new Error("enough was seen");

/**
 * Goes through a JSON file of any length and hands out the elements of the wanted lists, one at a time. In memory are one
 * element and the bytes that have just come; of what nobody wants only the brackets are looked at.
 * Returns what the outermost value is. Throws JsonFault, and what the visitor throws but `enough`.
 */
export async function scanJson(
  chunks: AsyncIterable<Buffer>,
  visitor: JsonVisitor,
): Promise<"object" | "array" | "other"> {
  const outline = new JsonOutline(visitor);
  const tokenizer = new Tokenizer({ stringBufferSize: 64 * 1024 });
  let ours: unknown;
  let begun = false;
  tokenizer.onToken = ({ token, value, offset }) => {
    try {
      outline.token(token, value, offset);
    } catch (error) {
      ours = error;
      throw error;
    }
  };
  try {
    for await (const piece of chunks) {
      // The tokenizer passes over a byte order mark and does not count it.
      const chunk = begun || !piece.subarray(0, 3).equals(byteOrderMark) ? piece : piece.subarray(3);
      begun = true;
      outline.begin(chunk);
      write(() => tokenizer.write(chunk));
      outline.end();
    }
    // A number at the top ends with the file.
    if (!outline.complete) write(() => tokenizer.end());
  } catch (error) {
    if (error !== enough) throw error;
    return outline.top;
  }
  if (!outline.complete) throw new JsonFault("is not JSON in UTF-8: it ends too early");
  return outline.top;

  function write(work: () => void): void {
    try {
      work();
    } catch (error) {
      // The tokenizer's own errors are the file's.
      if (error === ours) throw error;
      throw new JsonFault("is not JSON in UTF-8", { cause: error });
    }
  }
}

/** One element's value. Throws JsonFault. */
export function parseElement(json: Buffer): unknown {
  try {
    return JSON.parse(json.toString("utf8"));
  } catch (error) {
    throw new JsonFault("is not JSON", { cause: error });
  }
}
