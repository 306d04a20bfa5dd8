import { JsonOutline, type JsonVisitor } from "./json-outline.ts";

const byteOrderMark = Buffer.of(0xef, 0xbb, 0xbf);

/** Thrown by a visitor who has seen enough. */
export const enough = new Error("enough was seen");

/**
 * Goes through a JSON file of any length and hands out the elements of the wanted lists, one at a time. In memory are one
 * element and the bytes that have just come; of what nobody wants only brackets and texts are looked at.
 * Returns what the outermost value is. Throws JsonFault, and what the visitor throws but `enough`.
 */
export async function scanJson(
  chunks: AsyncIterable<Buffer>,
  visitor: JsonVisitor,
): Promise<"object" | "array" | "other"> {
  const outline = new JsonOutline(visitor);
  let begun = false;
  try {
    for await (const piece of chunks) {
      outline.write(begun || !piece.subarray(0, 3).equals(byteOrderMark) ? piece : piece.subarray(3));
      begun = true;
    }
    outline.end();
  } catch (error) {
    if (error !== enough) throw error;
  }
  return outline.top;
}
