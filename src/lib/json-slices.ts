/** Characters that become JSON without others having their turn. */
const slice = 128 * 1024;

/** A text in ASCII as JSON, with its quotes, some at a time. */
export function* jsonSlices(text: string): Generator<Buffer> {
  if (text.length <= slice) {
    yield Buffer.from(JSON.stringify(text), "latin1");
    return;
  }
  yield Buffer.from('"');
  for (let at = 0; at < text.length; at += slice)
    yield Buffer.from(JSON.stringify(text.slice(at, at + slice)).slice(1, -1), "latin1");
  yield Buffer.from('"');
}
