import { Writable } from "node:stream";

/** A stream that keeps the text that is written to it. */
export function sink() {
  let text = "";
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      text += chunk.toString();
      done();
    },
  });
  return { stream, text: () => text };
}
