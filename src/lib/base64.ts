import { setImmediate as nextTurn } from "node:timers/promises";
import { AppError } from "./errors.ts";

/** Characters that are decoded at a time; a multiple of four. */
const slice = 1024 * 1024;

/** The base64 of a data URL, as browsers make them; other texts as they are. */
export const withoutHead = (text: string): string => text.replace(/^data:[\w/+.-]+;base64,/, "");

/**
 * The bytes of base64, or of a data URL; others have their turn between slices. `param`: the field that it came in.
 * Throws AppError invalid_request; Node's own decoder skips what is no base64, which would hide a mistake.
 */
export async function decodeBase64(text: string, param: string): Promise<Uint8Array<ArrayBuffer>> {
  const data = withoutHead(text);
  const bytes = Buffer.alloc(Math.ceil((data.length * 3) / 4));
  let length = 0;
  for (let at = 0; at < data.length; at += slice) {
    const last = at + slice >= data.length;
    const part = data.slice(at, at + slice);
    if (!(last ? /^[A-Za-z0-9+/]*={0,2}$/ : /^[A-Za-z0-9+/]*$/).test(part))
      throw new AppError("invalid_request", `${param}: not base64.`, { param });
    length += bytes.write(part, length, "base64");
    if (!last) await nextTurn();
  }
  return bytes.subarray(0, length);
}
